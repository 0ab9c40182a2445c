// Ids of real tokenizers equal the golden ones of the shared fixtures (skipped where those are
// absent).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/files.h"
#include "checkpoint/formats/gguf_tokenizer.h"
#include "tokenizer/normalise.h"
#include "tokenizer/stream_decoder.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_json.h"
#include "unit/formats/smollm2.h"

namespace r1::tokenizer {
namespace {

using Ids = std::vector<TokenId>;

struct Case {
  std::string text;
  Ids ids;
};

/// {"text", "ids"} a line.
std::vector<Case> read_jsonl(const std::string& path) {
  std::vector<Case> cases;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto record = nlohmann::json::parse(line);
    cases.push_back({record["text"], record["ids"]});
  }
  return cases;
}

/// llama.cpp's pair of files: texts between separator lines, and a line of ids for each.
std::vector<Case> read_pair(const std::string& path) {
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<Case> cases;
  const std::string texts = base::read_file(path + ".inp");
  std::ifstream outputs(path + ".out");
  std::size_t at = 0;
  for (std::string line; std::getline(outputs, line);) {
    const std::size_t end = std::min(texts.find(separator, at), texts.size());
    std::istringstream numbers(line);
    Case one{texts.substr(at, end - at), {}};
    for (TokenId id; numbers >> id;) one.ids.push_back(id);
    cases.push_back(std::move(one));
    at = end + separator.size();
  }
  return cases;
}

void expect_cases(const Tokenizer& tokenizer, const std::vector<Case>& cases) {
  EXPECT_GT(cases.size(), 20u);
  for (const Case& one : cases) {
    EXPECT_EQ(tokenizer.encode(one.text), one.ids) << one.text;
    std::string storage;
    const auto text = normalise(tokenizer.definition().normaliser, one.text, storage);
    EXPECT_EQ(tokenizer.decode(one.ids, false), text);
    StreamDecoder stream(tokenizer, false);
    std::string streamed;
    for (const TokenId id : one.ids) streamed += stream.push(id);
    EXPECT_EQ(streamed + stream.finish(), text);
  }
}

constexpr const char* kNoTokenizers = "needs the shared tokenizers (R1_SHARED)";

TEST(RealTokenizer, Qwen) {
  const auto folder = test::find_shared("tokenizers/qwen3");
  const auto golden = test::find_shared("tokenizers/golden");
  if (!folder || !golden) GTEST_SKIP() << kNoTokenizers;
  const Tokenizer tokenizer(read_tokenizer_json(*folder));
  expect_cases(tokenizer, read_jsonl(*golden + "/qwen3.ref.jsonl"));
  expect_cases(tokenizer, read_pair(*golden + "/qwen2"));
  expect_cases(tokenizer, read_pair(*golden + "/deepseek-r1-qwen"));
}

TEST(RealTokenizer, DeepSeekV3) {
  const auto folder = test::find_shared("tokenizers/deepseek_v3");
  const auto golden = test::find_shared("tokenizers/golden");
  if (!folder || !golden) GTEST_SKIP() << kNoTokenizers;
  const Definition definition = read_tokenizer_json(*folder);
  EXPECT_EQ(definition.split_patterns, known_split_patterns("deepseek-v3"));
  expect_cases(Tokenizer(definition), read_jsonl(*golden + "/deepseek_v3.ref.jsonl"));
}

TEST(RealTokenizer, SmolLm2) {
  const auto path = test::find_smollm2();
  if (!path) GTEST_SKIP() << "needs SmolLM2's GGUF (R1_SMOLLM2_GGUF)";
  const Tokenizer tokenizer(checkpoint::read_gguf_tokenizer(checkpoint::GgufFile(*path)));
  const std::string data = R1_SOURCE_DIR "/tests/data/tokenizer/";
  expect_cases(tokenizer, read_jsonl(data + "smollm2_encode.jsonl"));
  for (const Case& answer :
       read_jsonl(data + "smollm2_decode.jsonl"))  // may end in half a character
    EXPECT_EQ(tokenizer.decode(answer.ids, false), answer.text);
  EXPECT_EQ(tokenizer.eos_token_ids(), Ids{2});
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.pad(), 2);
  EXPECT_EQ(tokenizer.vocab_size(), 49152);
}

}  // namespace
}  // namespace r1::tokenizer
