// Times Tokenizer::encode on the texts of a JSONL file, for tokenizer_speed.py.
//
//   bench_tokenizer FOLDER_OR_GGUF TEXTS.jsonl [IDS.jsonl]
//
// Prints the seconds of one pass over all texts for each of three passes, and the number of ids;
// writes the ids, one list a line.
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>

#include "checkpoint/formats/gguf_tokenizer.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace {

using r1::tokenizer::TokenId;
using r1::tokenizer::Tokenizer;

constexpr int kPasses = 3;

Tokenizer open(const std::string& path) {
  if (path.ends_with(".gguf"))
    return Tokenizer(r1::checkpoint::read_gguf_tokenizer(r1::checkpoint::GgufFile(path)));
  return Tokenizer(r1::tokenizer::read_tokenizer_json(path));
}

std::vector<std::string> read_texts(const char* path) {
  std::vector<std::string> texts;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    texts.push_back(nlohmann::json::parse(line).get<std::string>());
  return texts;
}

int run(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "bench_tokenizer FOLDER_OR_GGUF TEXTS.jsonl [IDS.jsonl]\n");
    return 2;
  }
  const Tokenizer tokenizer = open(arguments[1]);
  const std::vector<std::string> texts = read_texts(arguments[2]);
  std::vector<std::vector<TokenId>> ids(texts.size());
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < texts.size(); ++i) ids[i] = tokenizer.encode(texts[i]);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf("%.6f ", seconds.count());
  }
  std::size_t total = 0;
  for (const auto& list : ids) total += list.size();
  std::printf("%zu\n", total);
  if (count > 3) {
    std::ofstream out(arguments[3]);
    for (const auto& list : ids) out << nlohmann::json(list) << '\n';
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
