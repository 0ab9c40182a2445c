#include "data/text.h"

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/random.h"

namespace r1::data {
namespace {

struct ScriptRange {
  std::int32_t first, last;
  Script script;
};

// Blocks of the Unicode standard (Blocks.txt) that hold nearly all letters of these scripts.
constexpr std::array<ScriptRange, 26> kScripts{{
    {0x0041, 0x024F, Script::Latin},  {0x0250, 0x02AF, Script::Latin},
    {0x0370, 0x03FF, Script::Greek},  {0x0400, 0x052F, Script::Cyrillic},
    {0x0590, 0x05FF, Script::Hebrew}, {0x0600, 0x06FF, Script::Arabic},
    {0x0750, 0x077F, Script::Arabic}, {0x0900, 0x097F, Script::Devanagari},
    {0x0E00, 0x0E7F, Script::Thai},   {0x1100, 0x11FF, Script::Hangul},
    {0x1E00, 0x1EFF, Script::Latin},  {0x1F00, 0x1FFF, Script::Greek},
    {0x3040, 0x309F, Script::Kana},   {0x30A0, 0x30FF, Script::Kana},
    {0x3130, 0x318F, Script::Hangul}, {0x31F0, 0x31FF, Script::Kana},
    {0x3400, 0x4DBF, Script::Han},    {0x4E00, 0x9FFF, Script::Han},
    {0xA960, 0xA97F, Script::Hangul}, {0xAC00, 0xD7FF, Script::Hangul},
    {0xF900, 0xFAFF, Script::Han},    {0xFB50, 0xFDFF, Script::Arabic},
    {0xFE70, 0xFEFF, Script::Arabic}, {0xFF21, 0xFF5A, Script::Latin},
    {0xFF66, 0xFF9F, Script::Kana},   {0x20000, 0x3FFFF, Script::Han},
}};

bool is_space(std::int32_t c) {
  if (c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F) || c == 0x85) return true;
  if (c < 0xA0) return false;
  const auto category = utf8proc_category(c);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

bool is_letter(std::int32_t c) {
  const auto category = utf8proc_category(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_letter_mark_or_digit(std::int32_t c) {
  const auto category = utf8proc_category(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

bool is_ideograph(std::int32_t c) {
  const Script script = script_of(c);
  return script == Script::Han || script == Script::Kana;
}

std::vector<std::string> split_at_space(std::string_view text, bool ideographs_alone) {
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const std::int32_t c = next_code_point(text, at);
    if (c >= 0 && is_space(c)) {
      finish();
    } else if (ideographs_alone && c >= 0x3040 && is_ideograph(c)) {
      finish();
      words.emplace_back(text.substr(start, at - start));
    } else {
      word.append(text.substr(start, at - start));
    }
  }
  finish();
  return words;
}

/// If `text` at `at` opens with `open`, the position behind the matching `close`, else npos.
std::size_t skip_block(std::string_view text, std::size_t at, std::string_view open,
                       std::string_view close) {
  if (text.substr(at, open.size()) != open) return std::string_view::npos;
  const std::size_t end = text.find(close, at + open.size());
  return end == std::string_view::npos ? end : end + close.size();
}

std::vector<Script> scripts_of_language(const std::string& language) {
  static const std::map<std::string, std::vector<Script>> table{
      {"ko", {Script::Hangul}},   {"zh", {Script::Han}},        {"ja", {Script::Kana, Script::Han}},
      {"ru", {Script::Cyrillic}}, {"el", {Script::Greek}},      {"ar", {Script::Arabic}},
      {"he", {Script::Hebrew}},   {"hi", {Script::Devanagari}}, {"th", {Script::Thai}}};
  const auto found = table.find(language);
  return found == table.end() ? std::vector<Script>{Script::Latin} : found->second;
}

/// Words of `text` by the script of their first letter.
std::map<Script, std::int64_t> count_scripts(std::string_view text) {
  std::map<Script, std::int64_t> counts;
  for (const std::string& word : split_words(without_code_and_maths(text))) {
    for (std::size_t at = 0; at < word.size();) {
      const std::int32_t c = next_code_point(word, at);
      const Script script = c < 0 ? Script::None : script_of(c);
      if (script == Script::None) continue;
      ++counts[script];
      break;
    }
  }
  return counts;
}

}  // namespace

std::int32_t next_code_point(std::string_view text, std::size_t& position) {
  if (position < text.size() && static_cast<unsigned char>(text[position]) < 0x80)
    return static_cast<unsigned char>(text[position++]);
  utf8proc_int32_t c = -1;
  const auto n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + position,
                                  static_cast<utf8proc_ssize_t>(text.size() - position), &c);
  position += n > 0 ? static_cast<std::size_t>(n) : 1;
  return n > 0 ? c : -1;
}

std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
    } else if (next_code_point(text, at) < 0) {
      return start;
    }
  }
  return std::string_view::npos;
}

std::vector<std::string> split_whitespace(std::string_view text) {
  return split_at_space(text, false);
}

std::vector<std::string> split_words(std::string_view text) {
  return split_at_space(text, true);
}

std::vector<std::string> split_at(std::string_view text, std::string_view separator) {
  std::vector<std::string> pieces;
  for (std::size_t start = 0;;) {
    const std::size_t end = text.find(separator, start);
    pieces.emplace_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return pieces;
    start = end + separator.size();
  }
}

std::string trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string normalise_for_matching(std::string_view text) {
  utf8proc_uint8_t* mapped = nullptr;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE |
                                                      UTF8PROC_COMPAT | UTF8PROC_CASEFOLD);
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()), &mapped, options);
  const std::string folded =
      size >= 0 ? std::string(reinterpret_cast<char*>(mapped), static_cast<std::size_t>(size))
                : lower_ascii(text);
  std::free(mapped);
  std::string out;
  bool gap = false;
  for (std::size_t at = 0; at < folded.size();) {
    const std::size_t start = at;
    const std::int32_t c = next_code_point(folded, at);
    if (c < 0 || !is_letter_mark_or_digit(c)) {
      gap = !out.empty();
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    out.append(folded, start, at - start);
  }
  return out;
}

double held_out_place(std::string_view question) {
  return base::uniform(base::hash_name("held out"),
                       base::hash_name(normalise_for_matching(question)));
}

double repeated_ngram_share(const std::vector<std::string>& words, int n) {
  const auto length = static_cast<std::size_t>(n);
  if (n < 1 || words.size() < length + 1) return 0.0;
  const std::size_t total = words.size() - length + 1;
  // Words as numbers: their n-grams are short strings that need no memory of their own.
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  std::vector<std::uint32_t> text;
  for (const auto& word : words)
    text.push_back(
        numbers.try_emplace(word, static_cast<std::uint32_t>(numbers.size())).first->second);
  std::unordered_set<std::string> distinct;
  distinct.reserve(total);
  for (std::size_t i = 0; i < total; ++i)
    distinct.emplace(reinterpret_cast<const char*>(&text[i]), length * sizeof(std::uint32_t));
  return 1.0 - static_cast<double>(distinct.size()) / static_cast<double>(total);
}

Script script_of(std::int32_t code_point) {
  if (!is_letter(code_point)) return Script::None;
  for (const ScriptRange& range : kScripts)
    if (code_point >= range.first && code_point <= range.last) return range.script;
  return Script::Other;
}

std::string without_code_and_maths(std::string_view text) {
  constexpr std::array<std::array<std::string_view, 2>, 6> kBlocks{
      {{"```", "```"}, {"$$", "$$"}, {"\\(", "\\)"}, {"\\[", "\\]"}, {"`", "`"}, {"$", "$"}}};
  std::string out;
  // An opener without a closer must not make the scan look for it again at every position.
  std::array<bool, kBlocks.size()> unclosed{};
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::string_view::npos;
    for (std::size_t b = 0; b < kBlocks.size() && end == std::string_view::npos; ++b) {
      if (unclosed[b] || text.substr(at, kBlocks[b][0].size()) != kBlocks[b][0]) continue;
      end = skip_block(text, at, kBlocks[b][0], kBlocks[b][1]);
      unclosed[b] = end == std::string_view::npos;
    }
    if (end == std::string_view::npos && text[at] == '<') {
      const std::size_t close = text.substr(at, 32).find('>');
      if (close != std::string_view::npos) end = at + close + 1;
    }
    if (end == std::string_view::npos) {
      out += text[at++];
    } else {
      out += ' ';
      at = end;
    }
  }
  return out;
}

double language_share(std::string_view text, const std::string& language) {
  const auto wanted = scripts_of_language(language);
  std::int64_t all = 0;
  std::int64_t right = 0;
  for (const auto& [script, count] : count_scripts(text)) {
    all += count;
    for (const Script w : wanted) right += script == w ? count : 0;
  }
  return all == 0 ? 1.0 : static_cast<double>(right) / static_cast<double>(all);
}

std::string dominant_language(std::string_view text) {
  auto counts = count_scripts(text);
  // Japanese mixes kana and Han; any kana worth counting makes the Han words Japanese too.
  if (counts[Script::Kana] > 0) counts[Script::Kana] += counts[Script::Han];
  static const std::map<Script, std::string> names{
      {Script::Latin, "en"},  {Script::Hangul, "ko"},   {Script::Han, "zh"},
      {Script::Kana, "ja"},   {Script::Cyrillic, "ru"}, {Script::Greek, "el"},
      {Script::Arabic, "ar"}, {Script::Hebrew, "he"},   {Script::Devanagari, "hi"},
      {Script::Thai, "th"}};
  std::string best = "en";
  std::int64_t most = 0;
  for (const auto& [script, name] : names)
    if (counts[script] > most) {
      most = counts[script];
      best = name;
    }
  return best;
}

}  // namespace r1::data
