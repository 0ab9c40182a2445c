#include "rewards/tools/messages.h"

#include "rewards/workers/option_wire.h"
#include "rewards/workers/wire.h"

namespace r1::rewards::tools {

using workers::Packer;
using workers::Unpacker;

std::string pack(ToolOptions options) {
  Packer out;
  workers::OptionPacker visitor(out);
  options.visit(visitor);
  return out.take();
}

ToolOptions unpack_options(const std::string& body) {
  ToolOptions options;
  Unpacker in(body);
  workers::OptionUnpacker visitor(in);
  options.visit(visitor);
  return options;
}

std::string pack(const Call& call) {
  Packer out;
  for (const auto* text :
       {&call.call, &call.completion, &call.problem, &call.answer, &call.domain, &call.record})
    out.text(*text);
  out.number(call.is_call);
  out.number(static_cast<std::uint64_t>(call.earlier.size()));
  for (const auto& earlier : call.earlier) {
    out.text(earlier.call);
    out.text(earlier.text);
  }
  return out.take();
}

Call unpack_call(const std::string& body) {
  Unpacker in(body);
  Call call;
  for (auto* text :
       {&call.call, &call.completion, &call.problem, &call.answer, &call.domain, &call.record})
    *text = in.text();
  call.is_call = in.number<bool>();
  for (auto left = in.number<std::uint64_t>(); left > 0; --left) {
    auto asked = in.text();
    call.earlier.push_back({std::move(asked), in.text()});
  }
  return call;
}

std::string pack(const Answer& answer) {
  Packer out;
  out.text(answer.text);
  out.text(answer.status);
  out.number(answer.done);
  return out.take();
}

Answer unpack_answer(const std::string& body) {
  Unpacker in(body);
  Answer answer;
  answer.text = in.text();
  answer.status = in.text();
  answer.done = in.number<bool>();
  return answer;
}

}  // namespace r1::rewards::tools
