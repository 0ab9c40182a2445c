#include "rewards/workers/messages.h"

#include "rewards/workers/option_wire.h"
#include "rewards/workers/wire.h"

namespace r1::rewards::workers {

std::string pack(const Configuration& configuration) {
  Packer out;
  out.number(static_cast<std::uint8_t>(configuration.service));
  out.number(configuration.memory_mib);
  out.text(configuration.options);
  return out.take();
}

Configuration unpack_configuration(const std::string& payload) {
  Unpacker in(payload);
  Configuration configuration;
  configuration.service = static_cast<ServiceKind>(in.number<std::uint8_t>());
  configuration.memory_mib = in.number<std::int64_t>();
  configuration.options = in.text();
  return configuration;
}

std::string pack(RewardOptions options) {
  Packer out;
  OptionPacker visitor(out);
  options.visit(visitor);
  return out.take();
}

RewardOptions unpack_options(const std::string& payload) {
  RewardOptions options;
  Unpacker in(payload);
  OptionUnpacker visitor(in);
  options.visit(visitor);
  return options;
}

std::string pack(const Hello& hello) {
  Packer out;
  out.text(hello.description);
  out.text(hello.warnings);
  out.text(hello.problem);
  return out.take();
}

Hello unpack_hello(const std::string& payload) {
  Unpacker in(payload);
  Hello hello;
  hello.description = in.text();
  hello.warnings = in.text();
  hello.problem = in.text();
  return hello;
}

std::string pack(const Numbered& message) {
  Packer out;
  out.number(message.number);
  out.text(message.body);
  return out.take();
}

Numbered unpack_numbered(const std::string& payload) {
  Unpacker in(payload);
  Numbered message;
  message.number = in.number<std::uint64_t>();
  message.body = in.text();
  return message;
}

std::string pack(const RewardInput& input) {
  Packer out;
  for (const auto* text : {&input.problem, &input.answer, &input.completion, &input.domain,
                           &input.record, &input.turns})
    out.text(*text);
  out.number(input.truncated);
  out.number(input.num_tokens);
  out.number(input.max_tokens);
  out.number(static_cast<std::uint64_t>(input.model_scores.size()));
  for (const auto& [part, score] : input.model_scores) {
    out.text(part);
    out.number(score);
  }
  out.number(static_cast<std::uint64_t>(input.counted_parts.size()));
  for (const auto& name : input.counted_parts) out.text(name);
  return out.take();
}

RewardInput unpack_input(const std::string& body) {
  Unpacker in(body);
  RewardInput input;
  for (auto* text : {&input.problem, &input.answer, &input.completion, &input.domain, &input.record,
                     &input.turns})
    *text = in.text();
  input.truncated = in.number<bool>();
  input.num_tokens = in.number<std::int64_t>();
  input.max_tokens = in.number<std::int64_t>();
  for (auto left = in.number<std::uint64_t>(); left > 0; --left) {
    auto part = in.text();
    input.model_scores[std::move(part)] = in.number<double>();
  }
  for (auto left = in.number<std::uint64_t>(); left > 0; --left)
    input.counted_parts.push_back(in.text());
  return input;
}

std::string pack(const data::Reward& reward) {
  Packer out;
  out.number(reward.total);
  out.text(reward.reason);
  out.number(reward.drop);
  out.number(static_cast<std::uint64_t>(reward.parts.size()));
  for (const auto& [name, value] : reward.parts) {
    out.text(name);
    out.number(value);
  }
  return out.take();
}

data::Reward unpack_reward(const std::string& body) {
  Unpacker in(body);
  data::Reward reward;
  reward.total = in.number<double>();
  reward.reason = in.text();
  reward.drop = in.number<bool>();
  for (auto left = in.number<std::uint64_t>(); left > 0; --left) {
    auto name = in.text();
    reward.parts[std::move(name)] = in.number<double>();
  }
  return reward;
}

}  // namespace r1::rewards::workers
