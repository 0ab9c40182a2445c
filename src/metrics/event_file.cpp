#include "metrics/event_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <filesystem>

#include "base/crc32c.h"

namespace r1::metrics {
namespace {

constexpr std::string_view kPrefix = "events.out.tfevents.";

// Protocol buffers' wire types, and the fields of the messages used here.
enum class Wire : std::uint32_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };
constexpr std::uint32_t kEventWallTime = 1, kEventStep = 2, kEventFileVersion = 3,
                        kEventSummary = 5, kEventSessionLog = 7;
constexpr std::uint32_t kSummaryValue = 1, kValueTag = 1, kValueSimpleValue = 2;
constexpr std::uint32_t kSessionLogStatus = 1, kSessionLogStart = 1;

template <class Unsigned>
void put_little_endian(std::string& out, Unsigned value) {
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
    out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7f) | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_key(std::string& out, std::uint32_t field, Wire wire) {
  put_varint(out, (field << 3) | static_cast<std::uint32_t>(wire));
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_key(out, field, Wire::Bytes);
  put_varint(out, bytes.size());
  out.append(bytes);
}

void put_double(std::string& out, std::uint32_t field, double value) {
  put_key(out, field, Wire::Fixed64);
  put_little_endian(out, std::bit_cast<std::uint64_t>(value));
}

void put_integer(std::string& out, std::uint32_t field, std::int64_t value) {
  put_key(out, field, Wire::Varint);
  put_varint(out, static_cast<std::uint64_t>(value));
}

std::string event(double wall_time, std::int64_t step) {
  std::string out;
  put_double(out, kEventWallTime, wall_time);
  put_integer(out, kEventStep, step);
  return out;
}

std::uint32_t masked_crc(std::string_view data) {
  const std::uint32_t crc = base::crc32c(data.data(), data.size());
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The seconds in the name of the newest event file of the folder; 0: there is none.
std::int64_t newest_name_seconds(const std::string& folder) {
  std::int64_t newest = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t seconds = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), seconds);
    newest = std::max(newest, std::max<std::int64_t>(seconds, 1));
  }
  return newest;
}

std::string new_file_name(const std::string& folder) {
  char host[256] = {};
  ::gethostname(host, sizeof(host) - 1);
  const std::int64_t seconds =
      std::max(static_cast<std::int64_t>(wall_seconds()), newest_name_seconds(folder) + 1);
  return fmt::format("{}/{}{:010}.{}.{}", folder, kPrefix, seconds, host, ::getpid());
}

}  // namespace

std::string tfrecord(std::string_view data) {
  std::string length;
  put_little_endian(length, static_cast<std::uint64_t>(data.size()));
  std::string out = length;
  put_little_endian(out, masked_crc(length));
  out.append(data);
  put_little_endian(out, masked_crc(data));
  return out;
}

EventFile::EventFile(const std::string& folder, std::int64_t purge_from_step)
    : file_(new_file_name(folder)) {
  std::string first = event(wall_seconds(), 0);
  put_bytes(first, kEventFileVersion, "brain.Event:2");
  file_.append(tfrecord(first));
  if (purge_from_step < 0) return;
  std::string start;
  put_integer(start, kSessionLogStatus, kSessionLogStart);
  std::string purge = event(wall_seconds(), purge_from_step);
  put_bytes(purge, kEventSessionLog, start);
  file_.append(tfrecord(purge));
}

void EventFile::add(std::int64_t step, double wall_time,
                    const std::vector<std::pair<std::string, double>>& scalars) {
  std::string summary;
  for (const auto& [name, number] : scalars) {
    std::string value;
    put_bytes(value, kValueTag, name);
    put_key(value, kValueSimpleValue, Wire::Fixed32);
    put_little_endian(value, std::bit_cast<std::uint32_t>(static_cast<float>(number)));
    put_bytes(summary, kSummaryValue, value);
  }
  std::string record = event(wall_time, step);
  put_bytes(record, kEventSummary, summary);
  file_.append(tfrecord(record));
}

bool has_event_file(const std::string& folder) {
  return newest_name_seconds(folder) > 0;
}

}  // namespace r1::metrics
