// Tokenizer files are read back as written, in both spellings, and refused by name when wrong.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "base/files.h"
#include "checkpoint/formats/gguf_tokenizer.h"
#include "support/temporary_folder.h"
#include "tokenizer/json_file.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_files.h"
#include "tokenizer/tokenizer_json.h"
#include "unit/formats/smollm2.h"
#include "unit/tokenizer/small_definition.h"

namespace r1::tokenizer {
namespace {

class TokenizerFiles : public testing::Test {
 protected:
  void SetUp() override { write_tokenizer_files(test::small_definition(), folder_.path()); }

  /// Changes tokenizer.json and expects it to be refused, naming the file and `part`.
  template <class Change>
  void expect_refused(Change change, const std::string& part) {
    SCOPED_TRACE(part);
    const std::string path = folder_.path("tokenizer.json");
    const std::string before = base::read_file(path);
    auto json = nlohmann::json::parse(before);
    change(json);
    std::ofstream(path) << json;
    try {
      read_tokenizer_json(folder_.path());
      ADD_FAILURE() << "was not refused";
    } catch (const base::InputError& error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
    std::ofstream(path) << before;
  }
  test::TemporaryFolder folder_;
};

TEST_F(TokenizerFiles, RoundTrip) {
  const Definition expected = test::small_definition();
  const Definition found = read_tokenizer_json(folder_.path());
  EXPECT_EQ(found.vocab, expected.vocab);
  EXPECT_EQ(found.merges, expected.merges);
  EXPECT_EQ(found.split_patterns, expected.split_patterns);
  EXPECT_EQ(found.bos_id, expected.bos_id);
  EXPECT_EQ(found.eos_ids, expected.eos_ids);
  EXPECT_EQ(found.pad_id, expected.pad_id);
  EXPECT_EQ(found.chat_templates, expected.chat_templates);
  EXPECT_EQ(found.special_tokens, expected.special_tokens);
  EXPECT_EQ(found.max_length, expected.max_length);
  EXPECT_FALSE(found.adds_bos);
  EXPECT_EQ(Tokenizer(found).fingerprint(), Tokenizer(expected).fingerprint());
}

TEST_F(TokenizerFiles, RoundTripOfOtherKinds) {
  Definition definition = test::small_definition();
  definition.split_patterns = known_split_patterns("deepseek-v3");
  definition.normaliser = Normaliser::Nfc;
  definition.ignore_merges = true;
  definition.adds_bos = true;
  write_tokenizer_files(definition, folder_.path());
  const Definition found = read_tokenizer_json(folder_.path());
  EXPECT_EQ(found.split_patterns, definition.split_patterns);
  EXPECT_EQ(found.normaliser, Normaliser::Nfc);
  EXPECT_TRUE(found.ignore_merges);
  EXPECT_TRUE(found.adds_bos);
}

TEST_F(TokenizerFiles, SeveralChatTemplatesAreWrittenAsAList) {
  Definition definition = test::small_definition();
  definition.chat_templates = {{"default", "D", ""}, {"rag", "R", ""}};
  definition.special_tokens["unk_token"] = "<|endoftext|>";
  definition.special_tokens["image_token"] = "<image>";  // the vocabulary has no such token
  std::filesystem::remove(folder_.path("chat_template.jinja"));
  write_tokenizer_files(definition, folder_.path());
  const Definition found = read_tokenizer_json(folder_.path());
  EXPECT_EQ(found.chat_templates, definition.chat_templates);
  EXPECT_EQ(found.special_tokens.at("unk_token"), "<|endoftext|>");
  EXPECT_FALSE(found.special_tokens.contains("image_token"));
}

TEST_F(TokenizerFiles, AProcessorsChatTemplateIsTheLastChoice) {
  std::ofstream(folder_.path("chat_template.json")) << R"({"chat_template": "P"})";
  EXPECT_EQ(read_tokenizer_json(folder_.path()).chat_templates[0].text, "{{ messages }}");
  std::filesystem::remove(folder_.path("chat_template.jinja"));
  std::filesystem::remove(folder_.path("tokenizer_config.json"));
  EXPECT_EQ(read_tokenizer_json(folder_.path()).chat_templates[0].text, "P");
}

TEST_F(TokenizerFiles, ReadsMergesAsText) {
  const std::string path = folder_.path("tokenizer.json");
  auto json = read_json_object(path);
  for (auto& merge : json["model"]["merges"])
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  std::ofstream(path) << json;
  EXPECT_EQ(read_tokenizer_json(folder_.path()).merges, test::small_definition().merges);
}

TEST_F(TokenizerFiles, TakesEndTokensFromConfigWithoutGenerationConfig) {
  std::filesystem::remove(folder_.path("generation_config.json"));
  EXPECT_EQ(read_tokenizer_json(folder_.path()).eos_ids.size(), 1u);
  std::filesystem::remove(folder_.path("tokenizer_config.json"));
  std::ofstream(folder_.path("config.json")) << R"({"eos_token_id": [5, 6], "bos_token_id": 4})";
  const Definition found = read_tokenizer_json(folder_.path());
  EXPECT_EQ(found.eos_ids, (std::vector<TokenId>{5, 6}));
  EXPECT_EQ(found.bos_id, 4);
}

TEST_F(TokenizerFiles, TheFirstTokenIsThatOfThePostProcessor) {
  Definition definition = test::small_definition();
  definition.adds_bos = true;
  definition.bos_id = definition.added_tokens.back().id;
  write_tokenizer_files(definition, folder_.path());
  std::filesystem::remove(folder_.path("tokenizer_config.json"));
  std::filesystem::remove(folder_.path("generation_config.json"));
  std::ofstream(folder_.path("config.json")) << R"({"bos_token_id": 4})";
  EXPECT_EQ(read_tokenizer_json(folder_.path()).bos_id, definition.bos_id);
  expect_refused([](nlohmann::json& j) { j["post_processor"].erase("special_tokens"); },
                 "special_tokens");
}

TEST_F(TokenizerFiles, RefusesWhatItCannotRead) {
  using json = nlohmann::json;
  expect_refused([](json& j) { j["model"]["type"] = "Unigram"; }, "expected BPE");
  expect_refused([](json& j) { j["model"]["byte_fallback"] = true; }, "byte_fallback");
  expect_refused([](json& j) { j["model"].erase("vocab"); }, "vocab");
  expect_refused([](json& j) { j["model"]["vocab"] = 3; }, "model.vocab");
  expect_refused([](json& j) { j["model"]["vocab"]["a"] = -1; }, "token a");
  expect_refused([](json& j) { j["model"]["vocab"]["a"] = 1ull << 40; }, "token a");
  expect_refused([](json& j) { j["model"]["vocab"]["a"] = "x"; }, "token a");
  expect_refused([](json& j) { j["model"]["vocab"]["new"] = 97; }, "id 97");
  expect_refused([](json& j) { j["model"]["merges"][0] = "abc"; }, "merges");
  expect_refused([](json& j) { j["model"]["merges"][0] = {"a", 1}; }, "");
  expect_refused([](json& j) { j["added_tokens"][0]["lstrip"] = true; }, "lstrip");
  expect_refused([](json& j) { j["added_tokens"] = json::array({json::object()}); }, "content");
  expect_refused([](json& j) { j["normalizer"] = {{"type", "Lowercase"}}; }, "Lowercase");
  expect_refused([](json& j) { j["pre_tokenizer"] = {{"type", "Metaspace"}}; }, "Metaspace");
  expect_refused([](json& j) { j["pre_tokenizer"] = nullptr; }, "ByteLevel");
  expect_refused([](json& j) { j = json::array(); }, "JSON object");
  std::ofstream(folder_.path("tokenizer.json")) << "{\"model\": ";
  EXPECT_THROW(read_tokenizer_json(folder_.path()), base::InputError);
  std::filesystem::remove(folder_.path("tokenizer.json"));
  EXPECT_THROW(read_tokenizer_json(folder_.path()), base::InputError);
}

TEST_F(TokenizerFiles, GgufAndItsHuggingFaceFilesAreOneTokenizer) {
  const auto path = test::find_smollm2();
  if (!path) GTEST_SKIP() << "needs SmolLM2's GGUF (R1_SMOLLM2_GGUF)";
  const Definition from_gguf = checkpoint::read_gguf_tokenizer(checkpoint::GgufFile(*path));
  write_tokenizer_files(from_gguf, folder_.path());
  const Definition from_files = read_tokenizer_json(folder_.path());
  EXPECT_EQ(Tokenizer(from_gguf).fingerprint(), Tokenizer(from_files).fingerprint());
  EXPECT_EQ(from_files.eos_ids, from_gguf.eos_ids);
  EXPECT_EQ(from_files.chat_templates, from_gguf.chat_templates);
}

}  // namespace
}  // namespace r1::tokenizer
