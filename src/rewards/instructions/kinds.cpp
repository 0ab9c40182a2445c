#include "rewards/instructions/kinds.h"

#include <algorithm>

#include "data/language.h"
#include "data/letters.h"
#include "data/text.h"
#include "rewards/instructions/markup.h"
#include "rewards/instructions/prose.h"

namespace r1::rewards::instructions {
namespace {

using Json = nlohmann::json;

std::int64_t number(const Json& arguments, const char* name) {
  return static_cast<std::int64_t>(arguments.at(name).get<double>());
}

std::string text(const Json& arguments, const char* name) {
  return arguments.at(name).get<std::string>();
}

/// "at least" or "less than" so many.
bool holds(const Json& arguments, const char* relation, std::int64_t found, const char* wanted) {
  const std::int64_t limit = number(arguments, wanted);
  return text(arguments, relation) == "at least" ? found >= limit : found < limit;
}

std::int64_t occurrences(const std::string& text, const std::string& piece) {
  std::int64_t n = 0;
  for (std::size_t at = text.find(piece); !piece.empty() && at != std::string::npos;
       at = text.find(piece, at + piece.size()))
    ++n;
  return n;
}

/// Whether a byte belongs to a word: letters of other scripts do.
bool is_of_word(char c) {
  return static_cast<unsigned char>(c) >= 0x80 || data::is_word_character(c);
}

/// Whether a word stands in a text between word boundaries.
bool has_word(const std::string& text, const std::string& word) {
  for (std::size_t at = text.find(word); !word.empty() && at != std::string::npos;
       at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || is_of_word(text[at - 1]) != is_of_word(word.front());
    const bool ends = end == text.size() || is_of_word(text[end]) != is_of_word(word.back());
    if (begins && ends) return true;
  }
  return false;
}

bool any_of_texts(const Json& list, const std::function<bool(const std::string&)>& test) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Json& item) { return test(item.get<std::string>()); });
}

bool is_in_language(const std::string& response, const std::string& wanted) {
  const std::string found = data::identify_language(response);
  return found.empty() || found == wanted.substr(0, wanted.find('-'));  // zh-cn
}

bool has_paragraphs(const Json& arguments, const std::string& response) {
  const std::vector<std::string> paragraphs = starred_paragraphs(response);
  std::int64_t found = std::ssize(paragraphs);
  for (std::size_t i = 0; i < paragraphs.size(); ++i) {
    if (!data::trim(paragraphs[i]).empty()) continue;
    if (i != 0 && i + 1 != paragraphs.size()) return false;
    --found;
  }
  return found == number(arguments, "num_paragraphs");
}

/// The first word of a paragraph in small letters: without quotes in front, up to a sign.
std::string first_word(const std::string& paragraph) {
  std::string word = data::split_whitespace(paragraph).front();
  word.erase(0, std::min(word.size(), word.find_first_not_of('\'')));
  word.erase(0, std::min(word.size(), word.find_first_not_of('"')));
  return data::lower(word.substr(0, word.find_first_of(".,?!'\"")));
}

bool begins_paragraph(const Json& arguments, const std::string& response) {
  const std::vector<std::string> paragraphs = data::split_at(response, "\n\n");
  const std::int64_t found =
      std::count_if(paragraphs.begin(), paragraphs.end(),
                    [](const std::string& text) { return !data::trim(text).empty(); });
  const std::int64_t place = number(arguments, "nth_paragraph");
  if (place < 1 || place > found) return false;
  const std::string paragraph = data::trim(paragraphs[static_cast<std::size_t>(place - 1)]);
  return !paragraph.empty() && found == number(arguments, "num_paragraphs") &&
         first_word(paragraph) == data::lower(text(arguments, "first_word"));
}

bool has_two_responses(const std::string& response) {
  const std::vector<std::string> parts = data::split_at(response, "******");
  std::vector<std::string> responses;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string part = data::trim(parts[i]);
    if (!part.empty())
      responses.push_back(part);
    else if (i != 0 && i + 1 != parts.size())
      return false;
  }
  return responses.size() == 2 && responses[0] != responses[1];
}

bool ends_with(const Json& arguments, const std::string& response) {
  std::string end = data::trim(response);
  const std::size_t first = end.find_first_not_of('"');
  end = first == std::string::npos ? "" : end.substr(first, end.find_last_not_of('"') - first + 1);
  return data::lower(end).ends_with(data::lower(data::trim(text(arguments, "end_phrase"))));
}

bool is_quoted(const std::string& response) {
  const std::string bare = data::trim(response);
  return bare.size() > 1 && bare.front() == '"' && bare.back() == '"';
}

bool has_letters(const Json& arguments, const std::string& response) {
  return holds(arguments, "let_relation",
               occurrences(data::lower(response), data::lower(text(arguments, "letter"))),
               "let_frequency");
}

bool gives_option(const std::string& response) {
  return response.find("My answer is yes.") != std::string::npos ||
         response.find("My answer is no.") != std::string::npos ||
         response.find("My answer is maybe.") != std::string::npos;
}

using Response = const std::string&;

void add_keywords(std::map<std::string, Kind>& kinds) {
  kinds["keywords:existence"] = {{{"keywords", Type::Texts}}, [](const Json& a, Response r) {
                                   const std::string plain = data::lower(r);
                                   return !any_of_texts(a.at("keywords"), [&](const auto& word) {
                                     return plain.find(data::lower(word)) == std::string::npos;
                                   });
                                 }};
  kinds["keywords:frequency"] = {
      {{"keyword", Type::Text}, {"frequency", Type::Number}, {"relation", Type::Relation}},
      [](const Json& a, Response r) {
        return holds(a, "relation", occurrences(data::lower(r), data::lower(text(a, "keyword"))),
                     "frequency");
      }};
  kinds["keywords:forbidden_words"] = {
      {{"forbidden_words", Type::Texts}}, [](const Json& a, Response r) {
        const std::string plain = data::lower(r);
        return !any_of_texts(a.at("forbidden_words"),
                             [&](const auto& word) { return has_word(plain, data::lower(word)); });
      }};
  kinds["keywords:letter_frequency"] = {
      {{"letter", Type::Text}, {"let_frequency", Type::Number}, {"let_relation", Type::Relation}},
      has_letters};
  kinds["language:response_language"] = {{{"language", Type::Text}}, [](const Json& a, Response r) {
                                           return is_in_language(r, text(a, "language"));
                                         }};
}

void add_lengths(std::map<std::string, Kind>& kinds) {
  kinds["length_constraints:number_sentences"] = {
      {{"num_sentences", Type::Number}, {"relation", Type::Relation}},
      [](const Json& a, Response r) {
        return holds(a, "relation", num_sentences(r), "num_sentences");
      }};
  kinds["length_constraints:number_paragraphs"] = {{{"num_paragraphs", Type::Number}},
                                                   has_paragraphs};
  kinds["length_constraints:number_words"] = {
      {{"num_words", Type::Number}, {"relation", Type::Relation}},
      [](const Json& a, Response r) { return holds(a, "relation", num_words(r), "num_words"); }};
  kinds["length_constraints:nth_paragraph_first_word"] = {{{"num_paragraphs", Type::Number},
                                                           {"nth_paragraph", Type::Number},
                                                           {"first_word", Type::Text}},
                                                          begins_paragraph};
}

void add_contents(std::map<std::string, Kind>& kinds) {
  kinds["detectable_content:number_placeholders"] = {
      {{"num_placeholders", Type::Number}}, [](const Json& a, Response r) {
        return num_placeholders(r) >= number(a, "num_placeholders");
      }};
  kinds["detectable_content:postscript"] = {
      {{"postscript_marker", Type::Text}}, [](const Json& a, Response r) {
        return has_postscript(r, data::trim(text(a, "postscript_marker")));
      }};
  kinds["detectable_format:number_bullet_lists"] = {
      {{"num_bullets", Type::Number}},
      [](const Json& a, Response r) { return num_bullets(r) == number(a, "num_bullets"); }};
  kinds["detectable_format:constrained_response"] = {
      {}, [](const Json&, Response r) { return gives_option(r); }};
  kinds["detectable_format:number_highlighted_sections"] = {
      {{"num_highlights", Type::Number}},
      [](const Json& a, Response r) { return num_highlights(r) >= number(a, "num_highlights"); }};
  kinds["detectable_format:multiple_sections"] = {
      {{"section_spliter", Type::Text}, {"num_sections", Type::Number}},
      [](const Json& a, Response r) {
        return num_sections(r, data::trim(text(a, "section_spliter"))) >= number(a, "num_sections");
      }};
  kinds["detectable_format:json_format"] = {{}, [](const Json&, Response r) { return is_json(r); }};
  kinds["detectable_format:title"] = {{}, [](const Json&, Response r) { return has_title(r); }};
}

void add_forms(std::map<std::string, Kind>& kinds) {
  kinds["combination:two_responses"] = {
      {}, [](const Json&, Response r) { return has_two_responses(r); }};
  kinds["combination:repeat_prompt"] = {
      {{"prompt_to_repeat", Type::Text}}, [](const Json& a, Response r) {
        return data::lower(data::trim(r))
            .starts_with(data::lower(data::trim(text(a, "prompt_to_repeat"))));
      }};
  kinds["startend:end_checker"] = {{{"end_phrase", Type::Text}}, ends_with};
  kinds["startend:quotation"] = {{}, [](const Json&, Response r) { return is_quoted(r); }};
  kinds["change_case:capital_word_frequency"] = {
      {{"capital_frequency", Type::Number}, {"capital_relation", Type::Relation}},
      [](const Json& a, Response r) {
        return holds(a, "capital_relation", num_capital_words(r), "capital_frequency");
      }};
  kinds["change_case:english_capital"] = {
      {}, [](const Json&, Response r) { return is_upper(r) && is_in_language(r, "en"); }};
  kinds["change_case:english_lowercase"] = {
      {}, [](const Json&, Response r) { return is_lower(r) && is_in_language(r, "en"); }};
  kinds["punctuation:no_comma"] = {
      {}, [](const Json&, Response r) { return r.find(',') == std::string::npos; }};
}

}  // namespace

const std::map<std::string, Kind>& all_kinds() {
  static const std::map<std::string, Kind> kinds = [] {
    std::map<std::string, Kind> made;
    add_keywords(made);
    add_lengths(made);
    add_contents(made);
    add_forms(made);
    return made;
  }();
  return kinds;
}

}  // namespace r1::rewards::instructions
