#include "data/language.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "data/letters.h"
#include "data/text.h"

namespace r1::data {
namespace {

struct ScriptRange {
  std::int32_t first, last;
  const char* script;
};

/// Scripts by blocks; the last block that holds a code point counts.
constexpr std::array kRanges{
    ScriptRange{0x0041, 0x024F, "latin"},  ScriptRange{0x1E00, 0x1EFF, "latin"},
    ScriptRange{0x0370, 0x03FF, "el"},     ScriptRange{0x0400, 0x052F, "cyrillic"},
    ScriptRange{0x0590, 0x05FF, "he"},     ScriptRange{0x0600, 0x06FF, "arabic"},
    ScriptRange{0x0750, 0x077F, "arabic"}, ScriptRange{0xFB50, 0xFEFC, "arabic"},
    ScriptRange{0x0900, 0x097F, "indic"},  ScriptRange{0x0980, 0x09FF, "bn"},
    ScriptRange{0x0A00, 0x0A7F, "pa"},     ScriptRange{0x0A80, 0x0AFF, "gu"},
    ScriptRange{0x0B80, 0x0BFF, "ta"},     ScriptRange{0x0C00, 0x0C7F, "te"},
    ScriptRange{0x0C80, 0x0CFF, "kn"},     ScriptRange{0x0D00, 0x0D7F, "ml"},
    ScriptRange{0x0E00, 0x0E7F, "th"},     ScriptRange{0x1100, 0x11FF, "ko"},
    ScriptRange{0xAC00, 0xD7AF, "ko"},     ScriptRange{0x3040, 0x30FF, "ja"},
    ScriptRange{0x3400, 0x9FFF, "zh"},
};

const char* script_name(std::int32_t c) {
  for (const ScriptRange& range : kRanges)
    if (c >= range.first && c <= range.last) return range.script;
  return "";
}

/// What tells a language from the others of its script.
struct Traits {
  const char* language;
  std::vector<std::string> words;    // frequent ones
  std::vector<std::string> letters;  // that the others hardly have
};

const std::vector<Traits>& latin() {
  static const std::vector<Traits> languages{
      {"en",
       {"a",    "so",   "do",    "me",  "one",   "he",    "she", "the",   "of",   "and",  "to",
        "in",   "is",   "that",  "it",  "for",   "was",   "on",  "are",   "with", "as",   "be",
        "this", "have", "from",  "or",  "by",    "not",   "but", "what",  "all",  "were", "when",
        "your", "can",  "there", "an",  "which", "their", "if",  "will",  "each", "how",  "they",
        "you",  "we",   "his",   "her", "its",   "has",   "had", "would", "my",   "i",    "at"},
       {}},
      {"es",
       {"el",    "la",    "de",     "que",  "y",    "en",    "los",     "del",   "las",
        "por",   "un",    "una",    "con",  "para", "es",    "se",      "su",    "al",
        "lo",    "como",  "más",    "pero", "sus",  "le",    "ya",      "este",  "sí",
        "esta",  "entre", "cuando", "muy",  "sin",  "sobre", "también", "hasta", "hay",
        "donde", "desde", "todo",   "está", "son",  "no",    "qué"},
       {"ñ", "¿", "¡"}},
      {"pt",
       {"o",      "a",    "de",   "que", "e",     "do",  "da",  "em",  "um",   "para",
        "é",      "com",  "não",  "uma", "os",    "no",  "se",  "na",  "por",  "mais",
        "as",     "dos",  "como", "mas", "foi",   "ao",  "ele", "das", "tem",  "à",
        "seu",    "sua",  "ou",   "ser", "muito", "há",  "nos", "já",  "está", "eu",
        "também", "pelo", "pela", "até", "isso",  "são", "você"},
       {"ã", "õ"}},
      {"fr",
       {"le",   "la",   "les",  "de",   "des",   "et",    "un",   "une", "du",    "en",  "est",
        "que",  "qui",  "dans", "pour", "pas",   "sur",   "plus", "par", "avec",  "ce",  "il",
        "elle", "au",   "aux",  "se",   "ne",    "sont",  "son",  "sa",  "ses",   "ou",  "mais",
        "nous", "vous", "je",   "été",  "cette", "comme", "être", "à",   "c'est", "leur"},
       {"œ", "ê", "ë"}},
      {"de",
       {"der",   "die",    "und",  "in",   "den", "von",   "zu",   "das",   "mit",  "sich", "des",
        "auf",   "für",    "ist",  "im",   "dem", "nicht", "ein",  "eine",  "als",  "auch", "es",
        "an",    "werden", "aus",  "er",   "hat", "dass",  "sie",  "nach",  "wird", "bei",  "einer",
        "um",    "am",     "sind", "noch", "wie", "einem", "über", "einen", "so",   "zum",  "war",
        "haben", "nur",    "oder", "aber", "vor", "zur",   "ich",  "wir"},
       {"ß", "ü"}},
      {"it",
       {"di",     "e",     "il",  "la",    "che",  "è",      "un",     "in",   "per",   "una",
        "del",    "le",    "non", "con",   "si",   "da",     "i",      "sono", "della", "alla",
        "dei",    "nel",   "ha",  "gli",   "come", "anche",  "più",    "ma",   "lo",    "al",
        "questo", "delle", "se",  "nella", "ci",   "quando", "essere", "tra",  "molto", "questa"},
       {"ì", "ò"}},
      {"pl",
       {"i",     "w",     "na",    "z",    "do",    "się",  "nie",   "jest", "to",
        "że",    "o",     "jak",   "za",   "od",    "po",   "przez", "dla",  "ale",
        "co",    "są",    "oraz",  "przy", "tylko", "jego", "ma",    "może", "być",
        "który", "która", "które", "jako", "już",   "czy",  "lub"},
       {"ą", "ę", "ł", "ś", "ź", "ż", "ć", "ń"}},
      {"vi",
       {"và",    "của", "là",  "có",    "không", "được", "cho", "một", "trong",
        "những", "với", "các", "người", "này",   "đã",   "để",  "khi", "cũng",
        "từ",    "như", "về",  "đó",    "ra",    "tôi",  "bạn"},
       {"đ", "ơ", "ư", "ạ", "ả", "ấ", "ầ", "ậ", "ế", "ề", "ệ", "ọ", "ố", "ộ", "ớ", "ờ", "ợ"}},
      {"sw",
       {"ya",   "na",   "wa",   "kwa",  "ni",    "za",   "la",     "katika", "cha",  "hii",
        "kuwa", "kama", "au",   "hiyo", "huo",   "yake", "lakini", "sana",   "watu", "vya",
        "mimi", "yao",  "wake", "pia",  "zaidi", "ili",  "bado",   "yangu",  "wetu", "kila"},
       {}},
      {"fi",
       {"ja",   "on",   "ei",   "että",   "se",  "oli", "hän",   "mutta", "ovat", "kun",
        "myös", "niin", "kuin", "mukaan", "jos", "ole", "ollut", "joka",  "tämä", "olen",
        "voi",  "sekä", "vain", "mitä",   "tai", "sen", "minä",  "sinä",  "hyvin"},
       {"ää", "yö", "uu"}}};
  return languages;
}

const std::vector<Traits>& cyrillic() {
  static const std::vector<Traits> languages{
      {"ru",
       {"и", "в", "не", "на", "что", "с", "он", "как", "это", "по", "но", "для", "от", "из"},
       {"ы", "э", "ё"}},
      {"uk",
       {"і", "в", "не", "на", "що", "з", "він", "як", "це", "та", "але", "для", "від", "є"},
       {"і", "ї", "є", "ґ"}},
      {"bg",
       {"и", "в", "не", "на", "да", "се", "за", "от", "е", "са", "със", "като", "че", "по"},
       {"ъ"}}};
  return languages;
}

const std::vector<Traits>& arabic() {
  static const std::vector<Traits> languages{
      {"ar",
       {"في", "من", "على", "إلى", "أن", "هذا", "التي", "عن", "مع", "هذه", "لا", "ما"},
       {"ة", "ى", "ي", "ك", "إ", "أ"}},
      {"fa",
       {"و", "در", "به", "از", "که", "این", "را", "با", "است", "برای", "آن", "می", "یک"},
       {"ی", "ک", "گ", "چ", "پ", "ژ"}},
      {"ur",
       {"کے", "کی", "میں", "ہے", "کا", "اور", "سے", "کو", "ہیں", "پر", "نے", "یہ", "کہ"},
       {"ٹ", "ڈ", "ڑ", "ں", "ے", "ہ", "ھ", "ی", "ک", "گ"}}};
  return languages;
}

const std::vector<Traits>& devanagari() {
  static const std::vector<Traits> languages{
      {"hi", {"है", "में", "की", "के", "का", "और", "से", "को", "हैं", "पर", "यह", "ने", "कि", "एक"}, {}},
      {"mr", {"आहे", "आणि", "मध्ये", "ही", "हे", "होते", "नाही", "या", "ते", "आहेत", "त्या", "एक"}, {"ळ"}},
      {"ne", {"छ", "र", "को", "मा", "हो", "गर्न", "छन्", "पनि", "भने", "लागि", "यो", "छु", "एक"}, {}}};
  return languages;
}

/// Lower case words: letters with their marks, apostrophes inside.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::int32_t c = next_code_point(text, at);
    // Signs of Indic scripts belong to their words and are no letters.
    const bool inside = is_word_character(c) || c == '\'' || (c >= 0x0900 && c <= 0x0DFF);
    if (inside) word.append(text, begin, at - begin);
    if ((!inside || at >= text.size()) && !word.empty()) {
      words.push_back(word);
      word.clear();
    }
  }
  return words;
}

std::size_t count(const std::string& text, const std::string& piece) {
  std::size_t n = 0;
  for (std::size_t at = text.find(piece); at != std::string::npos;
       at = text.find(piece, at + piece.size()))
    ++n;
  return n;
}

/// The language with most frequent words and letters of its own; of equals the first.
std::string nearest(const std::vector<Traits>& languages, const std::string& text) {
  const std::vector<std::string> words = words_of(text);
  std::string best = languages.front().language;
  std::size_t most = 0;
  for (const Traits& traits : languages) {
    const std::set<std::string> known(traits.words.begin(), traits.words.end());
    auto score = static_cast<std::size_t>(
        std::count_if(words.begin(), words.end(),
                      [&known](const std::string& word) { return known.count(word) > 0; }));
    for (const std::string& letter : traits.letters) score += count(text, letter);
    if (score > most) {
      most = score;
      best = traits.language;
    }
  }
  return best;
}

}  // namespace

std::string identify_language(std::string_view text) {
  std::map<std::string, std::size_t> letters;  // script -> number
  for (std::size_t at = 0; at < text.size();) {
    const std::int32_t c = next_code_point(text, at);
    const std::string script = is_word_character(c) && c > '9' ? script_name(c) : "";
    if (!script.empty() && c != '_') ++letters[script];
  }
  if (letters.empty()) return {};
  // Japanese is written in Han too.
  if (letters.count("ja") > 0) letters["ja"] += letters["zh"];
  const auto most =
      std::max_element(letters.begin(), letters.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most->first == "latin") return nearest(latin(), lower(text));
  if (most->first == "cyrillic") return nearest(cyrillic(), lower(text));
  if (most->first == "arabic") return nearest(arabic(), std::string(text));
  if (most->first == "indic") return nearest(devanagari(), std::string(text));
  return most->first;
}

}  // namespace r1::data
