#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace r1::base {
namespace {

struct Logger {
  std::shared_ptr<spdlog::sinks::sink> console =
      std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  std::shared_ptr<spdlog::logger> logger = std::make_shared<spdlog::logger>("r1mpi", console);
  std::string prefix;
  Logger() { logger->set_pattern("%H:%M:%S %^%L%$ %v"); }
};

Logger& instance() {
  static Logger logger;
  return logger;
}

}  // namespace

void log_set_rank(int rank, bool print_info) {
  instance().prefix = rank == 0 ? "" : fmt::format("[rank {}] ", rank);
  instance().console->set_level(print_info ? spdlog::level::info : spdlog::level::warn);
}

void log_open_file(const std::string& path) {
  auto& logger = *instance().logger;
  auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
  sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %L %v");
  logger.sinks().resize(1);
  logger.sinks().push_back(sink);
  logger.flush_on(spdlog::level::info);
}

void log_info_line(const std::string& text) {
  instance().logger->info(instance().prefix + text);
}
void log_warning_line(const std::string& text) {
  instance().logger->warn(instance().prefix + text);
}
void log_error_line(const std::string& text) {
  instance().logger->error(instance().prefix + text);
}

}  // namespace r1::base
