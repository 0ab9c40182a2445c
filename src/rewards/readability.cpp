// The guide's readability of RL 2: sentence length, paragraphs, little repetition.
#include <algorithm>
#include <cctype>
#include <memory>

#include "data/text.h"
#include "rewards/registry.h"

namespace r1::rewards {
namespace {

/// Pieces between sentence ends: . ! ? before white space, 。！？ anywhere, and blank lines.
std::vector<std::string> split_sentences(std::string_view text) {
  std::vector<std::string> sentences;
  std::string sentence;
  const auto finish = [&] {
    if (!data::trim(sentence).empty()) sentences.push_back(sentence);
    sentence.clear();
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    sentence += text[at];
    const bool last = at + 1 == text.size();
    const bool space = last || std::isspace(static_cast<unsigned char>(text[at + 1])) != 0;
    const bool latin = (text[at] == '.' || text[at] == '!' || text[at] == '?') && space;
    const std::string_view tail = std::string_view(sentence).substr(
        sentence.size() - std::min<std::size_t>(3, sentence.size()));
    const bool cjk = tail == "。" || tail == "！" || tail == "？";
    const bool blank = text[at] == '\n' && !last && text[at + 1] == '\n';
    if (latin || cjk || blank) finish();
  }
  finish();
  return sentences;
}

class Readability : public Reward {
 public:
  explicit Readability(const ReadabilityOptions& options) : options_(options) {}

  RewardParts score(const RewardInput& input) const override {
    const std::string& text = input.completion;
    const auto words = data::split_words(text);
    if (words.empty()) return result(0.0, 0.0, 0.0);
    const double mean = words_per_sentence(text);
    const double length = mean >= options_.min_words && mean <= options_.max_words ? 1.0 : 0.5;
    const double structure = std::min(paragraphs(text) / options_.wanted_paragraphs, 1.0);
    const double variety =
        1.0 - data::repeated_ngram_share(words, static_cast<int>(options_.ngram));
    return result(length, structure, variety);
  }

 private:
  static RewardParts result(double length, double structure, double variety) {
    return {{{"readability", (length + structure + variety) / 3.0},
             {"readability.length", length},
             {"readability.structure", structure},
             {"readability.variety", variety}},
            "",
            false};
  }

  double words_per_sentence(const std::string& text) const {
    const auto sentences = options_.guide_split ? data::split_at(text, ".") : split_sentences(text);
    if (sentences.empty()) return 0.0;
    std::size_t words = 0;
    for (const std::string& s : sentences)
      words +=
          options_.guide_split ? data::split_whitespace(s).size() : data::split_words(s).size();
    return static_cast<double>(words) / static_cast<double>(sentences.size());
  }

  /// Pieces between blank lines; the guide counts empty ones too.
  double paragraphs(const std::string& text) const {
    const auto pieces = data::split_at(text, "\n\n");
    if (options_.guide_split) return static_cast<double>(pieces.size());
    return static_cast<double>(std::count_if(
        pieces.begin(), pieces.end(), [](const std::string& p) { return !data::trim(p).empty(); }));
  }

  ReadabilityOptions options_;
};

}  // namespace

std::unique_ptr<Reward> make_readability(const RewardOptions& options) {
  return std::make_unique<Readability>(options.readability);
}

}  // namespace r1::rewards
