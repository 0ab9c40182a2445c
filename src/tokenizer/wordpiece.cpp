#include "tokenizer/wordpiece.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/errors.h"
#include "tokenizer/bert_characters.h"
#include "tokenizer/utf8.h"

namespace r1::tokenizer {
namespace {

constexpr std::uint32_t kCapitalIWithDot = 0x130;  // the one letter with a lower case of two

/// Calls each(code point, its bytes) for valid UTF-8.
template <class Each>
void for_each_character(std::string_view text, Each each) {
  while (!text.empty()) {
    const Utf8Character character = next_character(text);
    each(character.code_point, text.substr(0, character.length));
    text.remove_prefix(character.length);
  }
}

std::string cleaned(std::string_view text, const WordPieceDefinition& definition) {
  std::string out;
  for_each_character(text, [&](std::uint32_t c, std::string_view bytes) {
    if (definition.clean_text && is_white_space(c) && c != 0xB && c != 0xC && c != 0x85)
      out += ' ';
    else if (definition.clean_text && is_bert_control(c))
      return;
    else if (definition.split_cjk && is_bert_cjk(c))
      out.append(" ").append(bytes).append(" ");
    else
      out += bytes;
  });
  return out;
}

std::string without_accents(const std::string& text) {
  utf8proc_uint8_t* result = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &result,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  if (length < 0)
    throw base::InputError(
        fmt::format("text cannot be normalised (NFD): {}", utf8proc_errmsg(length)));
  std::string out;
  for_each_character({reinterpret_cast<const char*>(result), static_cast<std::size_t>(length)},
                     [&](std::uint32_t c, std::string_view bytes) {
                       if (!is_nonspacing_mark(c)) out += bytes;
                     });
  return out;
}

std::string in_lower_case(const std::string& text) {
  std::string out;
  for_each_character(text, [&](std::uint32_t c, std::string_view) {
    append_utf8(static_cast<std::uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))),
                out);
    if (c == kCapitalIWithDot) out += "\xCC\x87";  // U+0307
  });
  return out;
}

}  // namespace

WordPieceTokenizer::WordPieceTokenizer(WordPieceDefinition definition)
    : definition_(std::move(definition)) {
  const std::string& prefix = definition_.continuation;
  for (std::size_t id = 0; id < definition_.vocab.size(); ++id) {
    const std::string& token = definition_.vocab[id];
    if (token.empty()) continue;
    first_.insert_or_assign(token, static_cast<TokenId>(id));
    if (token.starts_with(prefix))
      further_.insert_or_assign(token.substr(prefix.size()), static_cast<TokenId>(id));
  }
  vocab_size_ = static_cast<std::int64_t>(definition_.vocab.size());
  for (const AddedToken& token : definition_.added_tokens) {
    added_.add(token);
    vocab_size_ = std::max(vocab_size_, static_cast<std::int64_t>(token.id) + 1);
  }
  unknown_ = special_id(definition_.unknown);
  cls_ = special_id(definition_.cls);
  sep_ = special_id(definition_.sep);
}

TokenId WordPieceTokenizer::special_id(const std::string& token) const {
  for (const AddedToken& added : definition_.added_tokens)
    if (added.content == token) return added.id;
  const auto found = first_.find(token);
  if (found == first_.end())
    throw base::InputError(
        fmt::format("WordPiece vocabulary of {} tokens: {} is missing", vocab_size_, token));
  return found->second;
}

std::vector<TokenId> WordPieceTokenizer::encode(std::string_view text, bool parse_special) const {
  std::string valid;
  if (!is_valid_utf8(text)) text = valid = replace_invalid_utf8(text);
  std::vector<TokenId> out;
  for (std::size_t from = 0; from < text.size();) {
    const auto match = added_.find(text, from, parse_special);
    if (match.begin > from) encode_plain(text.substr(from, match.begin - from), out);
    if (match.end > match.begin) out.push_back(match.id);
    from = match.end;
  }
  return out;
}

std::vector<TokenId> WordPieceTokenizer::encode_sequence(std::string_view text,
                                                         std::int64_t max_length,
                                                         bool parse_special) const {
  auto pieces = encode(text, parse_special);
  const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(0, max_length - 2));
  if (max_length > 0 && pieces.size() > limit) pieces.resize(limit);
  pieces.insert(pieces.begin(), cls_);
  pieces.push_back(sep_);
  return pieces;
}

/// Words end at white space; a punctuation mark is a word.
void WordPieceTokenizer::encode_plain(std::string_view text, std::vector<TokenId>& out) const {
  std::string normal = cleaned(text, definition_);
  if (definition_.strip_accents) normal = without_accents(normal);
  if (definition_.lower_case) normal = in_lower_case(normal);
  std::size_t begin = 0, at = 0;  // of the word, of the character
  const auto end_word = [&] {
    if (at > begin) encode_word(std::string_view(normal).substr(begin, at - begin), out);
  };
  for_each_character(normal, [&](std::uint32_t c, std::string_view bytes) {
    const bool blank = is_white_space(c);
    if (blank || is_bert_punctuation(c)) {
      end_word();
      if (!blank) encode_word(bytes, out);
      begin = at + bytes.size();
    }
    at += bytes.size();
  });
  end_word();
}

/// The longest piece that fits, again and again; a word with a place where none does is unknown.
void WordPieceTokenizer::encode_word(std::string_view word, std::vector<TokenId>& out) const {
  std::vector<std::size_t> ends{0};  // of its characters
  for_each_character(word, [&](std::uint32_t, std::string_view bytes) {
    ends.push_back(ends.back() + bytes.size());
  });
  const std::size_t length = ends.size() - 1, before = out.size();
  if (length > static_cast<std::size_t>(definition_.max_word_characters)) {
    out.push_back(unknown_);
    return;
  }
  for (std::size_t begin = 0; begin < length;) {
    const Pieces& pieces = begin == 0 ? first_ : further_;
    std::size_t end = length;
    auto found = pieces.end();
    for (; end > begin; --end) {
      found = pieces.find(word.substr(ends[begin], ends[end] - ends[begin]));
      if (found != pieces.end()) break;
    }
    if (end == begin) {
      out.resize(before);
      out.push_back(unknown_);
      return;
    }
    out.push_back(found->second);
    begin = end;
  }
}

}  // namespace r1::tokenizer
