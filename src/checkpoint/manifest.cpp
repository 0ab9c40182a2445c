#include "checkpoint/manifest.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/crc32c.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "base/version.h"
#include "checkpoint/posix_file.h"

namespace r1::checkpoint {
namespace {

using nlohmann::json;

// 100,000 files of 64 slabs each; more is not ours.
constexpr std::uintmax_t kMaxManifestBytes = std::uintmax_t{256} << 20;

std::string hex(std::uint32_t crc) {
  return fmt::format("{:08x}", crc);
}

// Over the document without its own CRC, in the one form that dump() gives it.
std::uint32_t document_crc(json document) {
  document.erase("crc32c");
  const auto text = document.dump();
  return base::crc32c(text.data(), text.size());
}

json file_to_json(const FileRecord& record) {
  auto slabs = json::array();
  for (const auto crc : record.slabs) slabs.push_back(hex(crc));
  return {{"name", record.name}, {"size", record.size}, {"crc32c", std::move(slabs)}};
}

FileRecord file_from_json(const json& item, const std::string& path) {
  FileRecord record;
  item.at("name").get_to(record.name);
  item.at("size").get_to(record.size);
  for (const auto& crc : item.at("crc32c"))
    record.slabs.push_back(
        static_cast<std::uint32_t>(std::stoul(crc.get_ref<const std::string&>(), nullptr, 16)));
  const bool plain = !record.name.empty() && record.name[0] != '.' &&
                     record.name.find('/') == std::string::npos &&
                     record.name.find('\0') == std::string::npos;
  if (!plain) throw base::InputError(fmt::format("{}: '{}' is not a file name", path, record.name));
  if (record.slabs.size() != record.size / kSlabBytes + (record.size % kSlabBytes != 0))
    throw base::InputError(fmt::format("{}: {} has {} checksums for {} bytes", path, record.name,
                                       record.slabs.size(), record.size));
  return record;
}

Manifest parse(const std::string& text, const std::string& path) {
  const auto document = base::parse_json(text, path + ": not a manifest");
  if (!document.is_object() || document.value("type", "") != kManifestType)
    throw base::InputError(
        fmt::format("{}: foreign file: expected type '{}'", path, kManifestType));
  const auto version = document.at("format_version").get<std::int64_t>();
  if (version != kFormatVersion)
    throw base::InputError(
        fmt::format("{}: format version {}, expected {}", path, version, kFormatVersion));
  const auto expected = document.at("crc32c").get<std::string>();
  const auto found = hex(document_crc(document));
  if (found != expected)
    throw base::InputError(
        fmt::format("{}: damaged: CRC32C {}, expected {}", path, found, expected));
  Manifest manifest;
  document.at("step").get_to(manifest.identity.step);
  document.at("seed").get_to(manifest.identity.seed);
  document.at("date").get_to(manifest.identity.date);
  manifest.identity.run = document.value("run", "");
  manifest.identity.good = document.value("good", true);
  for (const auto& item : document.at("files"))
    manifest.files.push_back(file_from_json(item, path));
  if (manifest.find(kIndexName) == nullptr)
    throw base::InputError(fmt::format("{}: names no {}", path, kIndexName));
  return manifest;
}

}  // namespace

void Manifest::write(const std::string& folder) const {
  auto list = json::array();
  for (const auto& record : files) list.push_back(file_to_json(record));
  json document{{"type", kManifestType},
                {"format_version", kFormatVersion},
                {"program_version", base::kVersion},
                {"git_sha", base::kGitSha},
                {"date", identity.date},
                {"seed", identity.seed},
                {"step", identity.step},
                {"run", identity.run},
                {"good", identity.good},
                {"slab_bytes", kSlabBytes},
                {"files", std::move(list)}};
  document["crc32c"] = hex(document_crc(document));
  const auto text = document.dump(1) + "\n";
  PosixFile file((std::filesystem::path(folder) / kManifestName).string(), PosixFile::Mode::Create);
  file.write_at(0, text.data(), text.size());
  file.sync();
}

Manifest Manifest::read(const std::string& folder) {
  const auto path = (std::filesystem::path(folder) / kManifestName).string();
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) throw base::InputError(fmt::format("{}: missing: not a complete checkpoint", path));
  if (bytes > kMaxManifestBytes)
    throw base::InputError(fmt::format("{}: {} bytes are too many for a manifest", path, bytes));
  try {
    return parse(base::read_file(path), path);
  } catch (const base::Error&) {
    throw;
  } catch (const std::exception& parse_error) {
    throw base::InputError(fmt::format("{}: not a manifest: {}", path, parse_error.what()));
  }
}

const FileRecord* Manifest::find(const std::string& name) const {
  for (const auto& record : files)
    if (record.name == name) return &record;
  return nullptr;
}

}  // namespace r1::checkpoint
