#pragma once
// Splits text by regular expressions (PCRE2) into pieces; byte-pair encoding merges within a piece.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace r1::tokenizer {

/// Immutable and thread-safe; each thread passes its own Workspace.
class PreTokenizer {
 public:
  /// Buffers of one thread.
  class Workspace {
   public:
    Workspace();
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

   private:
    friend class PreTokenizer;
    struct Match;
    std::unique_ptr<Match> match_;
    std::vector<std::string_view> pieces_;
    std::vector<std::string_view> next_;
  };

  /// Throws: InputError naming a pattern that cannot be compiled.
  explicit PreTokenizer(const std::vector<std::string>& patterns);
  ~PreTokenizer();

  /// Returns the pieces of valid UTF-8 text, in order. The pieces are valid until the workspace is
  /// used again.
  const std::vector<std::string_view>& split(std::string_view text, Workspace& workspace) const;

 private:
  struct Pattern;
  void split_piece(const Pattern& pattern, std::string_view piece, Workspace& workspace) const;

  std::vector<std::unique_ptr<Pattern>> patterns_;
};

}  // namespace r1::tokenizer
