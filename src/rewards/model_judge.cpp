#include "rewards/model_judge.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/errors.h"
#include "tensor/dtype.h"
#include "tokenizer/byte_definition.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/wordpiece.h"

namespace r1::rewards {
namespace {

JudgeTokenizer::Ids wide(const std::vector<tokenizer::TokenId>& ids) {
  return {ids.begin(), ids.end()};
}

std::string on_lines(const tokenizer::Conversation& conversation) {
  std::string text;
  for (std::size_t i = 0; i < conversation.messages.size(); ++i)
    text += (i > 0 ? "\n" : "") + conversation.messages[i].at("content").get<std::string>();
  return text;
}

JudgeTokenizer wordpiece(const std::string& folder) {
  const auto pieces =
      std::make_shared<tokenizer::WordPieceTokenizer>(tokenizer::read_wordpiece(folder));
  return {[pieces](const std::string& text) { return wide(pieces->encode(text, false)); },
          {pieces->cls()},
          {pieces->sep()},
          on_lines};
}

}  // namespace

tokenizer::Conversation conversation_of(const JudgedText& text) {
  tokenizer::Conversation conversation;
  conversation.add("user", text.problem);
  conversation.add("assistant", text.completion);
  return conversation;
}

JudgeTokenizer::Ids JudgeTokenizer::conversation_ids(const tokenizer::Conversation& whole) const {
  auto ids = before;
  for (const auto id : encode(conversation(whole))) ids.push_back(id);
  ids.insert(ids.end(), after.begin(), after.end());
  return ids;
}

JudgeTokenizer make_judge_tokenizer(const tokenizer::Definition& definition,
                                    const std::string& chat_template, const std::tm& now) {
  const auto text = std::make_shared<tokenizer::Tokenizer>(definition);
  JudgeTokenizer result{
      [text](const std::string& part) { return wide(text->encode(part)); }, {}, {}, on_lines};
  if (chat_template == "auto" && !tokenizer::has_default_chat_template(definition)) {
    if (definition.adds_bos && definition.bos_id) result.before = {*definition.bos_id};
    return result;
  }
  const tokenizer::ChatTemplate chat(tokenizer::choose_chat_template(chat_template, definition),
                                     definition, now);
  result.conversation = [chat](const tokenizer::Conversation& whole) {
    return chat.render(whole, false).text;
  };
  return result;
}

JudgeTokenizer load_judge_tokenizer(const models::ModelOptions& options, const std::tm& now) {
  const auto& folder = options.tokenizer.empty() ? options.path : options.tokenizer;
  if (tokenizer::is_wordpiece_folder(folder)) return wordpiece(folder);
  return make_judge_tokenizer(
      folder == "bytes" ? tokenizer::byte_definition() : tokenizer::read_tokenizer_json(folder),
      options.chat_template, now);
}

ModelJudge::ModelJudge(std::unique_ptr<models::SequenceClassifier> model, JudgeTokenizer tokenizer,
                       std::int64_t batch)
    : model_(std::move(model)), tokenizer_(std::move(tokenizer)), batch_(batch) {
  if (room() <= 0)
    throw base::InputError(
        fmt::format("a classifier of {} tokens has no room for a text", model_->max_tokens()));
}

std::unique_ptr<ModelJudge> ModelJudge::load(const models::ModelOptions& options, at::Device device,
                                             std::int64_t batch, const std::tm& now) {
  const auto dtype = options.dtype == "auto" ? at::kFloat : tensor::parse_dtype(options.dtype);
  auto model = models::load_classifier(options.path, dtype, device);
  return std::make_unique<ModelJudge>(std::move(model), load_judge_tokenizer(options, now), batch);
}

std::int64_t ModelJudge::room() const {
  return model_->max_tokens() -
         static_cast<std::int64_t>(tokenizer_.before.size() + tokenizer_.after.size());
}

ModelJudge::Ids ModelJudge::framed(Ids::const_iterator begin, Ids::const_iterator end) const {
  Ids ids = tokenizer_.before;
  ids.insert(ids.end(), begin, end);
  ids.insert(ids.end(), tokenizer_.after.begin(), tokenizer_.after.end());
  return ids;
}

at::Tensor ModelJudge::outputs(const std::vector<Ids>& sequences) const {
  std::vector<at::Tensor> parts;
  for (std::size_t begin = 0; begin < sequences.size(); begin += static_cast<std::size_t>(batch_)) {
    const auto end = std::min(sequences.size(), begin + static_cast<std::size_t>(batch_));
    parts.push_back(model_
                        ->logits({sequences.begin() + static_cast<std::ptrdiff_t>(begin),
                                  sequences.begin() + static_cast<std::ptrdiff_t>(end)})
                        .to(at::kDouble));
  }
  return parts.empty() ? at::empty({0, model_->num_labels()}, at::kDouble) : at::cat(parts);
}

std::vector<double> ModelJudge::safety(std::span<const JudgedText> texts) const {
  std::vector<Ids> pieces;
  std::vector<std::size_t> owner;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto ids = tokenizer_.encode(texts[i].completion);
    auto begin = ids.begin();
    do {  // an empty text is a piece too
      const auto end = begin + std::min<std::ptrdiff_t>(room(), ids.end() - begin);
      pieces.push_back(framed(begin, end));
      owner.push_back(i);
      begin = end;
    } while (begin != ids.end());
  }
  const auto worst = pieces.empty() ? at::empty({0}, at::kDouble)
                                    : at::sigmoid(outputs(pieces)).amax(1).contiguous();
  std::vector<double> safety(texts.size(), 1.0);
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    auto& value = safety[owner[p]];
    value = std::min(value, 1.0 - worst.const_data_ptr<double>()[p]);
  }
  return safety;
}

std::vector<double> ModelJudge::preference(std::span<const JudgedText> texts) const {
  if (model_->num_labels() != 1)
    throw base::InputError(fmt::format("reward_model: expected a model with one output, found {}",
                                       model_->num_labels()));
  std::vector<Ids> sequences;
  for (const auto& text : texts) {
    auto ids = tokenizer_.encode(tokenizer_.conversation(conversation_of(text)));
    if (ids.empty() && tokenizer_.before.empty())
      throw base::InputError("reward_model: its tokenizer gives no token for a conversation");
    const auto length = std::min<std::ptrdiff_t>(room(), static_cast<std::ptrdiff_t>(ids.size()));
    sequences.push_back(framed(ids.end() - length, ids.end()));
  }
  const auto scores = outputs(sequences).select(1, 0).contiguous();
  return {scores.const_data_ptr<double>(), scores.const_data_ptr<double>() + scores.numel()};
}

}  // namespace r1::rewards
