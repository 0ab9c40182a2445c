// The tokenizer of a GGUF file becomes a definition; what is not byte-level BPE is refused.
#include <gtest/gtest.h>

#include <fstream>

#include "base/errors.h"
#include "checkpoint/formats/gguf_tokenizer.h"
#include "support/temporary_folder.h"
#include "unit/formats/gguf_bytes.h"

namespace r1::checkpoint {
namespace {

constexpr std::uint32_t kInt32 = 5;
constexpr std::uint32_t kString = 8;
constexpr std::uint32_t kArray = 9;

/// What varies between the files of the tests.
struct Given {
  std::string model = "gpt2";
  std::string pre = "smollm";
  std::vector<std::string> merges = {"a b"};
  std::vector<std::int32_t> types = {1, 1, 1, 3, 4, 5};
  std::uint32_t eos = 3;
  std::vector<std::string> chat_templates = {};  // names of those besides the default one
};

class GgufTokenizer : public testing::Test {
 protected:
  tokenizer::Definition read(const Given& given) {
    test::GgufBytes bytes;
    const auto num_templates = given.chat_templates.size();
    bytes.header(0, 7 + (num_templates > 0 ? 2 + num_templates : 0))
        .text("general.architecture")
        .number(kString)
        .text("llama");
    bytes.text("tokenizer.ggml.model").number(kString).text(given.model);
    bytes.text("tokenizer.ggml.pre").number(kString).text(given.pre);
    strings(bytes, "tokenizer.ggml.tokens", {"a", "b", "ab", "<|end|>", "<think>", "[PAD]"});
    strings(bytes, "tokenizer.ggml.merges", given.merges);
    bytes.text("tokenizer.ggml.token_type").number(kArray).number(kInt32);
    bytes.number<std::uint64_t>(given.types.size());
    for (const std::int32_t type : given.types) bytes.number(type);
    bytes.text("tokenizer.ggml.eos_token_id").number<std::uint32_t>(4).number(given.eos);
    if (num_templates > 0) {
      bytes.text("tokenizer.chat_template").number(kString).text("D");
      strings(bytes, "tokenizer.chat_templates", given.chat_templates);
    }
    for (const std::string& name : given.chat_templates)
      bytes.text("tokenizer.chat_template." + name).number(kString).text("of " + name);
    const std::string path = folder_.path("model.gguf");
    std::ofstream(path, std::ios::binary) << bytes.bytes_;
    return read_gguf_tokenizer(GgufFile(path));
  }

 private:
  static void strings(test::GgufBytes& bytes, const std::string& key,
                      const std::vector<std::string>& values) {
    bytes.text(key).number(kArray).number(kString).number<std::uint64_t>(values.size());
    for (const std::string& value : values) bytes.text(value);
  }
  test::TemporaryFolder folder_;
};

TEST_F(GgufTokenizer, BecomesADefinition) {
  const tokenizer::Definition definition = read({});
  EXPECT_EQ(definition.vocab,
            (std::vector<std::string>{"a", "b", "ab", "<|end|>", "<think>"}));  // no padding
  EXPECT_EQ(definition.merges, (decltype(definition.merges){{"a", "b"}}));
  ASSERT_EQ(definition.added_tokens.size(), 2u);
  EXPECT_TRUE(definition.added_tokens[0].special);
  EXPECT_FALSE(definition.added_tokens[1].special);
  EXPECT_EQ(definition.split_patterns, tokenizer::known_split_patterns("smollm"));
  EXPECT_EQ(definition.eos_ids, std::vector<tokenizer::TokenId>{3});
  EXPECT_EQ(definition.bos_id, std::nullopt);
  EXPECT_EQ(definition.special_tokens, (tokenizer::SpecialTokens{{"eos_token", "<|end|>"}}));
}

TEST_F(GgufTokenizer, ReadsAllChatTemplates) {
  EXPECT_EQ(read({.chat_templates = {"rag"}}).chat_templates,
            (std::vector<tokenizer::NamedTemplate>{{"default", "D", ""}, {"rag", "of rag", ""}}));
}

TEST_F(GgufTokenizer, KnowsWhatGoesWithAPreTokenizer) {
  EXPECT_EQ(read({.pre = "qwen2"}).normaliser, tokenizer::Normaliser::Nfc);
  EXPECT_EQ(read({.pre = "smollm"}).normaliser, tokenizer::Normaliser::None);
  EXPECT_TRUE(read({.pre = "llama-bpe"}).ignore_merges);
  EXPECT_TRUE(read({.pre = "llama-bpe"}).adds_bos);
  EXPECT_FALSE(read({.pre = "smollm"}).adds_bos);
  EXPECT_FALSE(read({.pre = "deepseek-v3"}).ignore_merges);
}

TEST_F(GgufTokenizer, RefusesWhatItCannotRead) {
  EXPECT_THROW(read({.model = "llama"}), base::InputError);
  EXPECT_THROW(read({.pre = "martian"}), base::InputError);
  EXPECT_THROW(read({.merges = {"ab"}}), base::InputError);
  EXPECT_THROW(read({.types = {1}}), base::InputError);
  EXPECT_THROW(read({.eos = 77}), base::InputError);
}

}  // namespace
}  // namespace r1::checkpoint
