#pragma once
// Renders conversations as text for a model: built-in forms of the chat templates in use.
#include <span>
#include <string>

namespace r1::tokenizer {

/// Roles: "system", "user", "assistant", and "input": the material a user's instruction is about,
/// which the guide's form has a section for and the others append to the instruction.
struct ChatMessage {
  std::string role;
  std::string content;
};

enum class ChatKind {
  ChatMl,    // Qwen, SmolLM2: <|im_start|>role ... <|im_end|>
  Llama3,    // <|start_header_id|>role<|end_header_id|>
  DeepSeek,  // V3, R1 and its distilled models: <｜User｜> ... <｜Assistant｜>
  Guide,     // "### 지시문:", "### 입력:", "### 응답:"
  R1Zero,    // the paper's plain text for base models (arXiv 2501.12948, table 1)
};

/// A kind and what varies within it.
struct ChatTemplate {
  ChatKind kind = ChatKind::ChatMl;
  std::string bos;             // text before everything
  std::string eos;             // text after an answer (DeepSeek, Guide, R1Zero)
  std::string default_system;  // ChatMl: used when the first message is no system message
  std::string opening;         // what the generation prompt begins the answer with: "<think>\n"
  std::string opening_not_thinking;    // instead of it with enable_thinking = false
  bool strips_past_thinking = false;   // leaves out what precedes </think> in earlier answers
  bool wraps_last_answer = false;      // Qwen3: an answer without thinking gets an empty one
  bool has_reasoning_modes = false;    // SmolLM3: a system message that names the mode
  bool has_date_header = false;        // Llama 3.1 and later: dates in the system message
  bool ends_user_turns = false;        // DeepSeek as in llama.cpp: eos after the user too
  bool joins_system_messages = false;  // DeepSeek-V3: all of them; otherwise the last one counts
  std::string think_tag = "think";     // R1Zero: names of the tags its text asks for
  std::string answer_tag = "answer";
};

struct RenderOptions {
  bool add_generation_prompt = true;  // end where the model begins its answer
  bool enable_thinking = true;        // for templates that have such a switch
  /// Training keeps the thinking of every answer; inference leaves out that of earlier ones, where
  /// the model's template does.
  bool keep_past_thinking = false;
};

/// Throws: InputError naming an unknown role.
std::string render_chat(const ChatTemplate& chat, std::span<const ChatMessage> messages,
                        const RenderOptions& options = {});

/// What the generation prompt puts into the model's mouth, so what a reward must prepend to the
/// completion: "<think>\n" or nothing.
std::string forced_opening(const ChatTemplate& chat, const RenderOptions& options = {});

}  // namespace r1::tokenizer
