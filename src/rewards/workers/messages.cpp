#include "rewards/workers/messages.h"

#include "rewards/workers/option_wire.h"
#include "rewards/workers/wire.h"

namespace r1::rewards::workers {

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

std::string pack(std::uint64_t sample, const RewardInput& input) {
  Packer out;
  out.number(sample);
  for (const auto* text :
       {&input.problem, &input.answer, &input.completion, &input.domain, &input.record})
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

Request unpack_request(const std::string& payload) {
  Unpacker in(payload);
  Request request;
  request.sample = in.number<std::uint64_t>();
  RewardInput& input = request.input;
  for (auto* text :
       {&input.problem, &input.answer, &input.completion, &input.domain, &input.record})
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
  return request;
}

std::string pack(const Reply& reply) {
  Packer out;
  out.number(reply.sample);
  out.number(reply.reward.total);
  out.text(reply.reward.reason);
  out.number(reply.reward.drop);
  out.number(static_cast<std::uint64_t>(reply.reward.parts.size()));
  for (const auto& [name, value] : reply.reward.parts) {
    out.text(name);
    out.number(value);
  }
  return out.take();
}

Reply unpack_reply(const std::string& payload) {
  Unpacker in(payload);
  Reply reply;
  reply.sample = in.number<std::uint64_t>();
  reply.reward.total = in.number<double>();
  reply.reward.reason = in.text();
  reply.reward.drop = in.number<bool>();
  for (auto left = in.number<std::uint64_t>(); left > 0; --left) {
    auto name = in.text();
    reply.reward.parts[std::move(name)] = in.number<double>();
  }
  return reply;
}

}  // namespace r1::rewards::workers
