#include "config/toml_document.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/errors.h"
#include "base/files.h"
#include "config/toml_nesting.h"

namespace r1::config {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr int kMaxIncludeDepth = 8;
// Of all includes of a configuration together: files that include each other several times
// multiply.
constexpr int kMaxIncludes = 200;
constexpr std::size_t kMaxIncludedBytes = std::size_t{4} << 20;

/// What one loading has read so far.
struct Loading {
  std::vector<LocatedProblem>& problems;
  int num_includes = 0;
  std::size_t included_bytes = 0;

  bool exhausted() const {
    return num_includes > kMaxIncludes || included_bytes > kMaxIncludedBytes;
  }
};

TomlDocument parse_with_includes(const std::string& text, const std::string& name, int depth,
                                 Loading& loading);
TomlDocument with_includes(const TomlDocument& document, const std::string& key,
                           const toml::table& table, int depth, Loading& loading);

void record_origins(const toml::node& node, const std::string& key, const std::string& file,
                    std::map<std::string, Origin>& origins) {
  if (!key.empty()) origins[key] = {file, static_cast<std::int64_t>(node.source().begin.line)};
  if (const toml::table* table = node.as_table()) {
    for (const auto& [name, child] : *table) {
      const std::string child_key = key.empty() ? std::string(name) : key + "." + std::string(name);
      record_origins(child, child_key, file, origins);
      if (!child.is_table()) origins[child_key].line = name.source().begin.line;
    }
  } else if (const toml::array* array = node.as_array()) {
    for (std::size_t i = 0; i < array->size(); ++i)
      record_origins(*array->get(i), fmt::format("{}[{}]", key, i), file, origins);
  }
}

std::vector<std::string> include_names(const toml::node& node) {
  std::vector<std::string> names;
  if (const auto name = node.value<std::string>()) {
    names.push_back(*name);
  } else if (const toml::array* array = node.as_array()) {
    for (const toml::node& item : *array) {
      const auto text = item.value<std::string>();
      if (!text) return {};
      names.push_back(*text);
    }
  }
  return names;
}

void merge_tables(toml::table& base, const toml::table& over) {
  for (const auto& [name, node] : over) {
    toml::node* existing = base.get(name.str());
    if (existing != nullptr && existing->is_table() && node.is_table())
      merge_tables(*existing->as_table(), *node.as_table());
    else
      base.insert_or_assign(name.str(), node);
  }
}

/// Resolves the includes of a value of `own`, in place: of a table, or of the tables of a list.
void include_into(TomlDocument& own, const std::string& key, toml::node& value, int depth,
                  Loading& loading) {
  if (toml::table* table = value.as_table()) {
    TomlDocument inner = with_includes(own, key, *table, depth, loading);
    *table = std::move(inner.table);
    for (const auto& [inner_key, origin] : inner.origins)
      own.origins[key + "." + inner_key] = origin;
  } else if (toml::array* array = value.as_array()) {
    for (std::size_t i = 0; i < array->size(); ++i)
      include_into(own, fmt::format("{}[{}]", key, i), *array->get(i), depth, loading);
  }
}

/// Puts the files that the table's `include` names into `result`, later ones over earlier ones.
void load_includes(const TomlDocument& document, const std::string& key, const toml::table& table,
                   int depth, TomlDocument& result, Loading& loading) {
  const toml::node* include = table.get("include");
  if (include == nullptr) return;
  const std::string include_key = key.empty() ? "include" : key + ".include";
  const Origin origin = document.origin_of(include_key);
  const std::vector<std::string> names = include_names(*include);
  if (names.empty())
    loading.problems.push_back(
        {origin, include_key, "expected a file name or a list of file names"});
  if (depth >= kMaxIncludeDepth) {
    loading.problems.push_back({origin, include_key, "includes nest too deep (a cycle?)"});
    return;
  }
  for (const std::string& name : names) {
    if (loading.exhausted()) return;
    const auto path = std::filesystem::path(origin.file).parent_path() / name;
    try {
      const auto text = base::read_file(path.string(), kMaxFileBytes);
      ++loading.num_includes;
      loading.included_bytes += text.size();
      if (loading.exhausted()) {
        loading.problems.push_back(
            {origin, include_key,
             fmt::format(
                 "expected at most {} included files of {} bytes in all, found more (do files "
                 "include each other?)",
                 kMaxIncludes, kMaxIncludedBytes)});
        return;
      }
      merge(result, parse_with_includes(text, path.string(), depth + 1, loading));
    } catch (const base::InputError& error) {
      loading.problems.push_back({origin, include_key, error.what()});
    }
  }
}

/// The table under `key` with its includes beneath it, and the same of all tables in it.
TomlDocument with_includes(const TomlDocument& document, const std::string& key,
                           const toml::table& table, int depth, Loading& loading) {
  TomlDocument result;
  result.name = document.name;
  load_includes(document, key, table, depth, result, loading);
  TomlDocument own = subdocument(document, key, table);
  own.table.erase("include");
  for (auto&& [name, child] : own.table) {
    include_into(own, std::string(name), child, depth, loading);
  }
  merge(result, own);
  return result;
}

TomlDocument parse_with_includes(const std::string& text, const std::string& name, int depth,
                                 Loading& loading) {
  TomlDocument document;
  document.name = name;
  if (text.size() > kMaxFileBytes) {
    loading.problems.push_back({{name, 0},
                                "",
                                fmt::format("{} bytes: too long for a configuration (at most {})",
                                            text.size(), kMaxFileBytes)});
    return document;
  }
  if (const auto line = first_unbearable_line(text)) {
    loading.problems.push_back({{name, line->line}, "", line->problem});
    return document;
  }
  try {
    document.table = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    loading.problems.push_back({{name, static_cast<std::int64_t>(error.source().begin.line)},
                                "",
                                std::string(error.description())});
    return document;
  }
  record_origins(document.table, "", name, document.origins);
  return with_includes(document, "", document.table, depth, loading);
}

}  // namespace

std::string LocatedProblem::text() const {
  std::string text = origin.file;
  if (origin.line > 0) text += fmt::format(":{}", origin.line);
  if (!key.empty()) text += (text.empty() ? "" : ": ") + key;
  return text + ": " + message;
}

Origin TomlDocument::origin_of(std::string key) const {
  while (!key.empty()) {
    const auto found = origins.find(key);
    if (found != origins.end()) return found->second;
    const std::size_t cut = key.find_last_of(".[");
    key.resize(cut == std::string::npos ? 0 : cut);
  }
  return {name, 0};
}

TomlDocument parse_toml_text(const std::string& text, const std::string& name,
                             std::vector<LocatedProblem>& problems) {
  Loading loading{problems};
  return parse_with_includes(text, name, 0, loading);
}

TomlDocument parse_toml_file(const std::string& path, std::vector<LocatedProblem>& problems) {
  try {
    return parse_toml_text(base::read_file(path, kMaxFileBytes), path, problems);
  } catch (const base::InputError& error) {
    std::string text = error.what();  // the place of the problem names the file already
    if (text.starts_with(path + ": ")) text.erase(0, path.size() + 2);
    problems.push_back({{path, 0}, "", std::move(text)});
    TomlDocument empty;
    empty.name = path;
    return empty;
  }
}

void merge(TomlDocument& base, const TomlDocument& over) {
  merge_tables(base.table, over.table);
  for (const auto& [key, origin] : over.origins) base.origins[key] = origin;
  if (base.name.empty()) base.name = over.name;
}

TomlDocument subdocument(const TomlDocument& document, const std::string& key,
                         const toml::table& table) {
  TomlDocument result;
  result.table = table;
  result.name = document.name;
  if (key.empty()) {
    result.origins = document.origins;
    return result;
  }
  const std::string prefix = key + ".";
  for (auto it = document.origins.lower_bound(prefix);
       it != document.origins.end() && it->first.compare(0, prefix.size(), prefix) == 0; ++it)
    result.origins[it->first.substr(prefix.size())] = it->second;
  return result;
}

}  // namespace r1::config
