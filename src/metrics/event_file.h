#pragma once
// TensorBoard event files, written without TensorFlow: TFRecord framing around Event protocol
// buffers. Reference: tensorflow/core/lib/io/record_writer.cc (framing, masked CRC32C),
// tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto (fields).
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/append_file.h"

namespace r1::metrics {

/// A TFRecord: length (8 bytes, little endian), masked CRC32C of the length, data, masked CRC32C of
/// the data.
std::string tfrecord(std::string_view data);

/// A new file events.out.tfevents.SECONDS.HOST.PID in a folder. TensorBoard reads files in the
/// order of their names, so the name sorts after the names of earlier starts, even if the clock was
/// set back.
class EventFile {
 public:
  /// If `purge_from_step` >= 0, TensorBoard ignores the values of steps >= purge_from_step in
  /// earlier files of the folder. Throws: InputError.
  EventFile(const std::string& folder, std::int64_t purge_from_step);

  /// Adds one event with all scalars of a step. `wall_time`: Unix seconds. Values are stored as
  /// fp32.
  void add(std::int64_t step, double wall_time,
           const std::vector<std::pair<std::string, double>>& scalars);
  void sync() { file_.sync(); }
  const std::string& path() const { return file_.path(); }

 private:
  AppendFile file_;
};

/// Whether the folder already contains an event file.
bool has_event_file(const std::string& folder);

}  // namespace r1::metrics
