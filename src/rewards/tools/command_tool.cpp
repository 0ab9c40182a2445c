#include "rewards/tools/command_tool.h"

#include "base/log.h"
#include "data/json_text.h"
#include "data/text.h"
#include "rewards/sandbox/conversation.h"
#include "tokenizer/utf8.h"

namespace r1::rewards::tools {
namespace {

std::string request(const Call& call) {
  const auto record = data::parse_json_or_discard(call.record);
  nlohmann::json turns = nlohmann::json::array();
  for (const auto& earlier : call.earlier)
    turns.push_back({{"call", earlier.call}, {"answer", earlier.text}});
  const nlohmann::json fields{{"call", call.is_call ? nlohmann::json(call.call) : nlohmann::json()},
                              {"completion", call.completion},
                              {"turns", std::move(turns)},
                              {"problem", call.problem},
                              {"answer", call.answer},
                              {"domain", call.domain},
                              {"record", record.is_discarded() ? nlohmann::json() : record}};
  auto line = data::dump_json(fields);
  line.push_back('\n');
  return line;
}

class CommandTool final : public Tool {
 public:
  explicit CommandTool(const ToolOptions& options)
      : options_(options),
        talker_("rollout.tools.command", options.command,
                static_cast<std::uint64_t>(options.memory_mib) << 20) {}

  Answer answer(const Call& call) const override {
    std::string line;
    switch (talker_.ask(request(call), options_.call_seconds, line)) {
      case sandbox::Talk::Answered:
        return read(line);
      case sandbox::Talk::Late:
        return failed("timeout");
      case sandbox::Talk::Died:
        break;
    }
    return failed("limit");
  }

 private:
  Answer read(const std::string& line) const {
    const auto json = data::parse_json_or_discard(line);
    const bool has_text = json.is_object() && json.contains("text") && json["text"].is_string();
    const bool is_done = json.is_object() && json.value("done", nlohmann::json(false)) == true;
    if (!json.is_string() && !has_text && !is_done) {
      base::log_warning("rollout.tools.command: expected a line with a text, found: {}",
                        data::trim(line.substr(0, 200)));
      talker_.forget();  // its next line may belong to this call
      return failed("limit");
    }
    Answer answer;
    if (json.is_string())
      answer.text = json.get<std::string>();
    else if (has_text)
      answer.text = json["text"].get<std::string>();
    answer.done = is_done;
    const bool is_error = json.is_object() && json.value("error", nlohmann::json(false)) == true;
    answer.status = is_error ? "error" : "ok";
    if (static_cast<std::int64_t>(answer.text.size()) > options_.output_bytes)
      answer.text.resize(static_cast<std::size_t>(options_.output_bytes));
    answer.text = tokenizer::replace_invalid_utf8(answer.text);
    return answer;
  }

  ToolOptions options_;
  mutable sandbox::Talker talker_;
};

}  // namespace

std::unique_ptr<Tool> make_command_tool(const ToolOptions& options) {
  return std::make_unique<CommandTool>(options);
}

}  // namespace r1::rewards::tools
