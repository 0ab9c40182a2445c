// The code reward: runs the program in the completion's fenced code blocks against the tests of the
// record.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/timer.h"
#include "data/text.h"
#include "rewards/code_blocks.h"
#include "rewards/code_tests.h"
#include "rewards/registry.h"
#include "rewards/sandbox/sandbox.h"
#include "rewards/sections.h"
#include "rewards/workers/worker_loop.h"

namespace r1::rewards {
namespace {

using sandbox::End;
using sandbox::Language;
using sandbox::Outcome;

class Code : public Reward {
 public:
  explicit Code(const RewardOptions& options)
      : options_(options.code),
        tags_(options.tags),
        sandbox_(options.code, workers::private_folder()) {}

  std::string description() const override { return sandbox_.description(); }
  std::string warning() const override { return sandbox_.missing(); }

  RewardParts score(const RewardInput& input) const override {
    auto tests = read_code_tests(input.record);
    if (!tests) return result(0.0, "unparsable_gold");
    keep_first(*tests);
    const auto block = program(input.completion, *tests);
    if (!block) return result(0.0, "no_answer");
    const std::string& wanted = tests->language;
    const std::string language = block->language.empty() ? wanted : block->language;
    if (!wanted.empty() && language != wanted) return result(0.0, "unparsable_answer");
    if (!language.empty() && language != "python" && language != "cpp")
      return result(0.0, "unparsable_answer");
    const Language kind = language == "cpp" ? Language::Cpp : Language::Python;
    if (kind == Language::Cpp && !tests->statements.empty())
      return result(0.0, "unparsable_answer");
    if (!sandbox_.can_run(kind) || (!tests->checker.empty() && !sandbox_.can_run(Language::Python)))
      return result(0.0, "unparsable_gold");
    return run(*block, kind, *tests);
  }

 private:
  /// How the runs of one sample went; the first failure names the reason.
  struct Tally {
    std::size_t passed = 0;
    std::string reason;
    bool broken_checker = false;

    void fail(const std::string& why) {
      if (reason.empty()) reason = why;
    }
  };

  static RewardParts result(double value, const std::string& reason) {
    const double all = reason == "ok" ? 1.0 : 0.0;
    return {{{"code", value}, {"code.all", all}}, reason, reason == "unparsable_gold"};
  }

  void keep_first(CodeTests& tests) const {
    const auto most = static_cast<std::size_t>(options_.max_tests);
    if (tests.runs.size() > most) tests.runs.resize(most);
    if (tests.statements.size() > most) tests.statements.resize(most);
  }

  /// Code in the thinking part is none of the answer.
  std::optional<CodeBlock> program(const std::string& completion, const CodeTests& tests) const {
    const Sections sections = split_sections(completion, tags_);
    if (!sections.both_think_tags && !sections.thinking.empty()) return std::nullopt;
    return find_program(sections.rest, tests);
  }

  RewardParts run(const CodeBlock& block, Language language, const CodeTests& tests) const {
    if (language == Language::Cpp) {
      const Outcome compiled = sandbox_.compile(block.text);
      if (!compiled.succeeded())
        return result(0.0, compiled.end == End::Exited ? "unparsable_answer" : why(compiled));
    }
    const base::Stopwatch watch;
    Tally tally;
    for (const auto& test : tests.runs) {
      const double left = options_.run_seconds - watch.seconds();
      if (left <= 0.0) {
        tally.fail("timeout");
        break;
      }
      run_test(block, language, tests, test, std::min(options_.test_seconds, left), tally);
      if (tally.broken_checker) return result(0.0, "unparsable_gold");
    }
    if (!tests.statements.empty()) run_statements(block, tests.statements, tally);
    const double share = static_cast<double>(tally.passed) / static_cast<double>(tests.size());
    if (share == 1.0) return result(1.0, "ok");
    return result(options_.all_or_nothing ? 0.0 : share, tally.reason);
  }

  void run_test(const CodeBlock& block, Language language, const CodeTests& tests,
                const CodeTests::Run& test, double seconds, Tally& tally) const {
    const Outcome outcome = language == Language::Cpp
                                ? sandbox_.run_compiled(test.input, seconds)
                                : sandbox_.run_python(block.text, test.input, seconds);
    if (!outcome.succeeded())
      tally.fail(why(outcome));
    else if (!same_output(outcome.output, test.expected) &&
             !accepts(tests.checker, test, outcome.output, tally))
      tally.fail("wrong");
    else
      ++tally.passed;
  }

  /// Whether the record's checker gives this output full points. A checker that fails itself says
  /// nothing about the program.
  bool accepts(const std::string& checker, const CodeTests::Run& test, const std::string& printed,
               Tally& tally) const {
    if (checker.empty()) return false;
    const Outcome outcome =
        sandbox_.run_checker(checker, test.input, test.expected, printed, options_.test_seconds);
    const std::string text(data::trim(outcome.output));
    char* end = nullptr;
    const double points = std::strtod(text.c_str(), &end);
    tally.broken_checker = !outcome.succeeded() || text.empty() || *end != '\0';
    return !tally.broken_checker && points >= 1.0;
  }

  void run_statements(const CodeBlock& block, const std::vector<std::string>& statements,
                      Tally& tally) const {
    const double seconds = std::min(options_.run_seconds,
                                    options_.test_seconds * static_cast<double>(statements.size()));
    const Outcome outcome = sandbox_.run_python_tests(block.text, statements, seconds);
    const auto passed =
        static_cast<std::size_t>(std::count(outcome.output.begin(), outcome.output.end(), '1'));
    tally.passed += passed;
    if (passed < statements.size()) tally.fail(why(outcome));
  }

  static std::string why(const Outcome& outcome) {
    if (outcome.end == End::TimedOut) return "timeout";
    return outcome.end == End::TooMuchOutput ? "limit" : "wrong";
  }

  CodeOptions options_;
  TagOptions tags_;
  sandbox::Sandbox sandbox_;
};

}  // namespace

std::unique_ptr<Reward> make_code(const RewardOptions& options) {
  return std::make_unique<Code>(options);
}

}  // namespace r1::rewards
