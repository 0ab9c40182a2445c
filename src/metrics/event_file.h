#pragma once
// TensorBoard event files, written by hand: TFRecord framing around Event protocol buffers.
// Reference: tensorflow/core/lib/io/record_writer.cc (framing, masked CRC32C),
// tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto (fields).
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/append_file.h"

namespace r1::metrics {

/// length (8 bytes, little endian), its masked CRC32C, the data, its masked CRC32C.
std::string tfrecord(std::string_view data);

/// One new file events.out.tfevents.SECONDS.HOST.PID in a folder. Its name sorts behind those of
/// earlier starts even when the clock stepped back, as TensorBoard reads a folder in name order.
class EventFile {
 public:
  /// When `purge_from_step` >= 0 the file tells TensorBoard to forget what earlier files of the
  /// folder say about steps >= it. Throws: InputError.
  EventFile(const std::string& folder, std::int64_t purge_from_step);

  /// One event with all scalars of a step. `wall_time` in Unix seconds; values are stored as fp32.
  void add(std::int64_t step, double wall_time,
           const std::vector<std::pair<std::string, double>>& scalars);
  void sync() { file_.sync(); }
  const std::string& path() const { return file_.path(); }

 private:
  AppendFile file_;
};

/// Whether the folder holds an event file already.
bool has_event_file(const std::string& folder);

}  // namespace r1::metrics
