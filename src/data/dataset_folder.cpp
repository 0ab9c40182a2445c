#include "data/dataset_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "base/errors.h"
#include "data/text.h"

namespace r1::data {
namespace {

namespace fs = std::filesystem;

struct Part {
  std::string split;
  std::int64_t index = 0, count = 1;
};

struct Split {
  std::vector<std::string> files;
  std::map<std::string, std::set<std::int64_t>> parts;  // of "NAME-of-00002": the indices found
};

/// {folder, split}; an empty split: none is named.
std::pair<std::string, std::string> parse(const std::string& path) {
  if (fs::is_directory(path)) return {path, ""};
  const std::size_t colon = path.rfind(':');
  if (colon == std::string::npos || !fs::is_directory(path.substr(0, colon))) return {"", ""};
  return {path.substr(0, colon), path.substr(colon + 1)};
}

/// The split that a word of `name` stands for; "": none does.
std::string split_by_word(const std::string& name) {
  static const std::map<std::string, std::string> words{
      {"train", "train"},      {"training", "train"}, {"validation", "validation"},
      {"valid", "validation"}, {"val", "validation"}, {"dev", "validation"},
      {"test", "test"},        {"testing", "test"},   {"eval", "test"},
      {"evaluation", "test"}};
  std::string word;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && std::isalpha(static_cast<unsigned char>(name[i]))) {
      word += name[i];
      continue;
    }
    if (const auto found = words.find(lower_ascii(word)); found != words.end())
      return found->second;
    word.clear();
  }
  return {};
}

/// "train-00001-of-00004.parquet" -> {"train", 1, 4}; others -> nothing.
std::optional<Part> part_of(const std::string& name) {
  static const std::regex form(R"((.*)-(\d{5})-of-(\d{5})[.].*)");
  std::smatch match;
  if (!std::regex_match(name, match, form)) return std::nullopt;
  return Part{match[1], std::stoll(match[2]), std::stoll(match[3])};
}

void add_file(const fs::path& file, const std::string& folder_split,
              std::map<std::string, Split>& splits) {
  const std::string name = file.filename();
  const auto part = part_of(name);
  std::string split = folder_split;
  if (split.empty() && part && part->split != "data")
    split = split_by_word(part->split).empty() ? part->split : split_by_word(part->split);
  // "train_sft-00000-of-00002" is a split of its own, not one part of "train".
  if (folder_split.empty() && part && part->split.find('_') != std::string::npos)
    split = part->split;
  if (split.empty()) split = split_by_word(name);
  Split& chosen = splits[split.empty() ? "train" : split];
  chosen.files.push_back(file);
  if (part) {
    const auto whole = fmt::format("{}-*-of-{:05}", part->split, part->count);
    chosen.parts[whole].insert(part->index);
  }
}

/// The record files right in a folder.
std::vector<fs::path> record_files(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::is_directory(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.is_directory() && is_record_file(entry.path().filename()))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> folders_with_records(const fs::path& folder) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && !record_files(entry.path()).empty())
      folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// The files of the folders in `folder`, where each is one object under a number: MATH's
/// algebra/12.json; empty: other names.
std::vector<fs::path> numbered_files(const fs::path& folder) {
  static const std::regex number(R"(\d+\.json)");
  std::vector<fs::path> files;
  for (const fs::path& sub : folders_with_records(folder))
    for (const fs::path& file : record_files(sub)) {
      if (!std::regex_match(file.filename().string(), number)) return {};
      files.push_back(file);
    }
  return files;
}

/// MATH's folder: train and test, or one of them, of folders by subject.
std::map<std::string, Split> find_numbered(const fs::path& folder) {
  std::map<std::string, Split> splits;
  const auto add = [&splits](const std::string& name, const std::vector<fs::path>& files) {
    for (const fs::path& file : files) splits[name].files.push_back(file);
  };
  add("train", numbered_files(folder));
  if (!splits.empty()) return splits;
  for (const auto& entry : fs::directory_iterator(folder))
    if (const std::string split = split_by_word(entry.path().filename());
        entry.is_directory() && !split.empty())
      add(split, numbered_files(entry.path()));
  std::erase_if(splits, [](const auto& split) { return split.second.files.empty(); });
  return splits;
}

std::map<std::string, Split> find_splits(const std::string& folder) {
  std::map<std::string, Split> splits;
  for (const fs::path& place : {fs::path(folder), fs::path(folder) / "data"})
    for (const fs::path& file : record_files(place)) add_file(file, "", splits);
  if (splits.empty()) splits = find_numbered(folder);
  if (!splits.empty()) return splits;
  std::vector<std::string> others;
  for (const fs::path& sub : folders_with_records(folder)) {
    const std::string name = sub.filename();
    // save_to_disk: a folder for each split, named in dataset_dict.json.
    const std::string split =
        fs::exists(fs::path(folder) / "dataset_dict.json") ? name : split_by_word(name);
    if (split.empty())
      others.push_back(name);
    else
      for (const fs::path& file : record_files(sub)) add_file(file, split, splits);
  }
  if (splits.empty() && !others.empty())
    throw base::InputError(
        fmt::format("{}: a dataset of several configurations: name one of its folders, {}", folder,
                    fmt::join(others, ", ")));
  if (splits.empty())
    throw base::InputError(fmt::format(
        "{}: no record file in this folder (expected .parquet, .arrow, .jsonl, .json, .csv or "
        ".tsv, here or in data/)",
        folder));
  return splits;
}

void require_all_parts(const std::string& folder, const Split& split) {
  for (const auto& [name, found] : split.parts) {
    const std::int64_t count = std::stoll(name.substr(name.size() - 5));
    for (std::int64_t i = 0; i < count; ++i)
      if (found.count(i) == 0)
        throw base::InputError(
            fmt::format("{}: {} of the {} files {} are there; the first that is "
                        "missing is number {:05}",
                        folder, found.size(), count, name, i));
  }
}

}  // namespace

bool is_dataset_folder(const std::string& path) {
  return !parse(path).first.empty();
}

bool is_record_file(const std::string& name) {
  static const std::set<std::string> passed_over{"dataset_info.json", "dataset_infos.json",
                                                 "dataset_dict.json", "state.json"};
  if (name.starts_with(".") || passed_over.count(name) > 0) return false;
  std::string plain = name;
  for (const char* packed : {".gz", ".zst"})
    if (plain.ends_with(packed)) plain.resize(plain.size() - std::string(packed).size());
  constexpr std::array<const char*, 8> kEndings{".parquet", ".arrow", ".feather", ".jsonl",
                                                ".ndjson",  ".json",  ".csv",     ".tsv"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&plain](const char* ending) { return plain.ends_with(ending); });
}

std::vector<std::string> split_files(const std::string& path) {
  const auto [folder, wanted] = parse(path);
  const auto splits = find_splits(folder);
  std::vector<std::string> names;
  for (const auto& [name, split] : splits) names.push_back(name);
  const std::string name = !wanted.empty() ? wanted : splits.size() == 1 ? names[0] : "train";
  const auto found = splits.find(name);
  if (found == splits.end())
    throw base::InputError(fmt::format("{}: no split \"{}\": there are {} (write {}:SPLIT)", folder,
                                       name, fmt::join(names, ", "), folder));
  require_all_parts(folder, found->second);
  return found->second.files;
}

}  // namespace r1::data
