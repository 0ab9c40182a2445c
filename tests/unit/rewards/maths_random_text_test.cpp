// Random bytes and random LaTeX never crash or hang the maths verifier.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "base/random.h"
#include "rewards/maths/parse.h"
#include "rewards/maths/verify.h"

namespace r1::rewards::maths {
namespace {

constexpr int kRounds = 3000;
constexpr int kLongest = 20;

constexpr std::array<std::string_view, 72> kPieces{"\\frac",
                                                   "\\sqrt",
                                                   "{",
                                                   "}",
                                                   "{",
                                                   "}",
                                                   "(",
                                                   ")",
                                                   "[",
                                                   "]",
                                                   "^",
                                                   "_",
                                                   "!",
                                                   "%",
                                                   "|",
                                                   "+",
                                                   "-",
                                                   "*",
                                                   "/",
                                                   "=",
                                                   "<",
                                                   ">",
                                                   "\\le",
                                                   "\\in",
                                                   "\\cup",
                                                   "\\setminus",
                                                   "\\pm",
                                                   ",",
                                                   ";",
                                                   ":",
                                                   "1",
                                                   "2",
                                                   "37",
                                                   "0.5",
                                                   "9",
                                                   "10",
                                                   "x",
                                                   "y",
                                                   "n",
                                                   "i",
                                                   "e",
                                                   "\\pi",
                                                   "\\infty",
                                                   "\\sin",
                                                   "\\log",
                                                   "\\ln",
                                                   "\\binom",
                                                   "\\sum",
                                                   "\\text{or}",
                                                   "\\text{cm}",
                                                   "and",
                                                   "or",
                                                   " ",
                                                   "\\boxed{",
                                                   "$",
                                                   "\\\\",
                                                   "&",
                                                   "\\begin{pmatrix}",
                                                   "\\end{pmatrix}",
                                                   "\\{",
                                                   "\\}",
                                                   "\\mathbb{R}",
                                                   "\\emptyset",
                                                   "^\\circ",
                                                   "\\approx",
                                                   "√",
                                                   "²",
                                                   "\\lfloor",
                                                   "\\rfloor",
                                                   "\\overline",
                                                   "1e5",
                                                   "<answer>"};

std::string random_latex(base::RandomStream& random) {
  std::string out;
  const auto pieces = random.integer(1, kLongest);
  for (std::int64_t k = 0; k < pieces; ++k)
    out += kPieces[static_cast<std::size_t>(random.integer(0, kPieces.size() - 1))];
  return out;
}

std::string random_bytes(base::RandomStream& random) {
  std::string out;
  const auto bytes = random.integer(0, kLongest);
  for (std::int64_t k = 0; k < bytes; ++k) out += static_cast<char>(random.integer(0, 255));
  return out;
}

}  // namespace

TEST(MathsRandomText, LatexPiecesNeverCrashTheVerifier) {
  base::RandomStream random(20);
  for (int k = 0; k < kRounds; ++k) {
    const std::string gold = random_latex(random);
    const std::string prediction = random_latex(random);
    const Verdict verdict = verify(gold, prediction);
    EXPECT_EQ(verdict.score > 0.0, verdict.answer == Answer::Equal) << gold << " | " << prediction;
  }
}

TEST(MathsRandomText, BytesNeverCrashTheVerifier) {
  base::RandomStream random(21);
  for (int k = 0; k < kRounds; ++k)
    EXPECT_NE(verify("-123456789/7", random_bytes(random)).answer, Answer::Equal);
}

/// What is equal stays equal when the two change places.
TEST(MathsRandomText, EqualityIsSymmetric) {
  base::RandomStream random(22);
  for (int k = 0; k < kRounds; ++k) {
    const std::string a = random_latex(random);
    const std::string b = random_latex(random);
    const auto x = parse(a);
    const auto y = parse(b);
    if (!x.node || !y.node) continue;
    EXPECT_EQ(compare(*x.node, *y.node) == Answer::Equal,
              compare(*y.node, *x.node) == Answer::Equal)
        << a << " | " << b;
  }
}

}  // namespace r1::rewards::maths
