#include "metrics/event_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/crc32c.h"
#include "base/files.h"
#include "metrics/writer.h"
#include "support/temporary_folder.h"

namespace r1::metrics {
namespace {

/// A decoder of its own, written from the formats' definitions and not from the writer.
struct DecodedEvent {
  std::int64_t step = 0;
  double wall_time = 0;
  std::string file_version;
  std::int64_t session_status = 0;
  std::map<std::string, float> scalars;
};

std::uint64_t varint(const std::string& s, std::size_t& at) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(s.at(at++));
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

/// Calls use(field, integer or raw bits, bytes) for each field of a message.
template <class Use>
void decode_message(const std::string& s, Use use) {
  for (std::size_t at = 0; at < s.size();) {
    const std::uint64_t key = varint(s, at);
    const int wire = static_cast<int>(key & 7), field = static_cast<int>(key >> 3);
    std::uint64_t number = 0;
    std::string bytes;
    if (wire == 0) {
      number = varint(s, at);
    } else {
      const std::size_t size = wire == 1 ? 8 : wire == 5 ? 4 : varint(s, at);
      bytes = s.substr(at, size);
      ASSERT_EQ(bytes.size(), size);
      at += size;
      if (wire != 2) std::memcpy(&number, bytes.data(), size);
    }
    use(field, number, bytes);
  }
}

DecodedEvent decode_event(const std::string& data) {
  DecodedEvent event;
  decode_message(data, [&](int field, std::uint64_t number, const std::string& bytes) {
    if (field == 1) std::memcpy(&event.wall_time, &number, 8);
    if (field == 2) event.step = static_cast<std::int64_t>(number);
    if (field == 3) event.file_version = bytes;
    if (field == 7)
      decode_message(bytes, [&](int, std::uint64_t status, const std::string&) {
        event.session_status = static_cast<std::int64_t>(status);
      });
    if (field != 5) return;
    decode_message(bytes, [&](int, std::uint64_t, const std::string& value) {
      std::string tag;
      float scalar = 0;
      decode_message(value, [&](int f, std::uint64_t bits, const std::string& text) {
        if (f == 1) tag = text;
        if (f == 2) std::memcpy(&scalar, &bits, 4);
      });
      event.scalars[tag] = scalar;
    });
  });
  return event;
}

std::uint32_t unmasked(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xa282ead8u;
  return (rotated >> 17) | (rotated << 15);
}

std::vector<DecodedEvent> decode_file(const std::string& path) {
  const std::string content = base::read_file(path);
  std::vector<DecodedEvent> events;
  for (std::size_t at = 0; at < content.size();) {
    std::uint64_t length = 0;
    std::uint32_t length_crc = 0, data_crc = 0;
    std::memcpy(&length, content.data() + at, 8);
    std::memcpy(&length_crc, content.data() + at + 8, 4);
    EXPECT_EQ(unmasked(length_crc), base::crc32c(content.data() + at, 8));
    const std::string data = content.substr(at + 12, length);
    std::memcpy(&data_crc, content.data() + at + 12 + length, 4);
    EXPECT_EQ(unmasked(data_crc), base::crc32c(data.data(), data.size()));
    events.push_back(decode_event(data));
    at += 16 + length;
  }
  return events;
}

std::vector<std::string> event_files(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("events.out.tfevents."))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

TEST(EventFile, RecordsDecodeWithTheirChecksums) {
  test::TemporaryFolder folder;
  EventFile file(folder.path(), -1);
  file.add(300, 12.5, {{"reward_mean", 0.25}, {"kl_token", -1e-3}});
  const auto events = decode_file(file.path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].file_version, "brain.Event:2");
  EXPECT_EQ(events[1].step, 300);
  EXPECT_EQ(events[1].wall_time, 12.5);
  EXPECT_EQ(events[1].scalars,
            (std::map<std::string, float>{{"reward_mean", 0.25f}, {"kl_token", -1e-3f}}));
}

TEST(EventFile, RestartPurgesLaterStepsInAFileThatSortsBehind) {
  test::TemporaryFolder folder;
  MetricsWriter(folder.path(), -1).write(1, "rl1", {});
  MetricsWriter(folder.path(), 0).write(1, "rl1", {});
  const auto files = event_files(folder.path());
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(decode_file(files[0])[1].session_status, 0);
  const auto purge = decode_file(files[1])[1];
  EXPECT_EQ(purge.session_status, 1);
  EXPECT_EQ(purge.step, 1);
}

}  // namespace r1::metrics
