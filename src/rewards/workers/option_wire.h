#pragma once
// Serialization of any option struct, through the visit() that also parses and documents the
// options.
#include "base/options.h"
#include "rewards/workers/wire.h"

namespace r1::rewards::workers {

/// visit() with this visitor writes all values in order.
class OptionPacker : public base::OptionVisitor {
 public:
  explicit OptionPacker(Packer& out) : out_(out) {}
  void operator()(const char*, bool& value, const char*) override { out_.number(value); }
  void operator()(const char*, std::int64_t& value, const char*) override { out_.number(value); }
  void operator()(const char*, double& value, const char*) override { out_.number(value); }
  void operator()(const char*, std::string& value, const char*) override { out_.text(value); }
  void operator()(const char*, std::vector<std::string>& value, const char*) override;
  void operator()(const char*, std::vector<std::int64_t>& value, const char*) override;
  void operator()(const char*, std::vector<double>& value, const char*) override;
  void operator()(const char*, base::FieldValues& value, const char*) override;
  void choice(const char*, std::string& value, const std::vector<std::string>&,
              const char*) override {
    out_.text(value);
  }

 protected:
  bool begin_section(const char*, const char*) override { return true; }
  void end_section() override {}
  std::size_t begin_list(const char*, std::size_t size, const char*) override;
  void begin_item(std::size_t) override {}
  void end_list() override {}

 private:
  Packer& out_;
};

/// visit() with this visitor reads the values back. Throws: WireError.
class OptionUnpacker : public base::OptionVisitor {
 public:
  explicit OptionUnpacker(Unpacker& in) : in_(in) {}
  void operator()(const char*, bool& value, const char*) override { value = in_.number<bool>(); }
  void operator()(const char*, std::int64_t& value, const char*) override {
    value = in_.number<std::int64_t>();
  }
  void operator()(const char*, double& value, const char*) override {
    value = in_.number<double>();
  }
  void operator()(const char*, std::string& value, const char*) override { value = in_.text(); }
  void operator()(const char*, std::vector<std::string>& value, const char*) override;
  void operator()(const char*, std::vector<std::int64_t>& value, const char*) override;
  void operator()(const char*, std::vector<double>& value, const char*) override;
  void operator()(const char*, base::FieldValues& value, const char*) override;
  void choice(const char*, std::string& value, const std::vector<std::string>&,
              const char*) override {
    value = in_.text();
  }

 protected:
  bool begin_section(const char*, const char*) override { return true; }
  void end_section() override {}
  std::size_t begin_list(const char*, std::size_t, const char*) override { return size(); }
  void begin_item(std::size_t) override {}
  void end_list() override {}

 private:
  std::size_t size();

  Unpacker& in_;
};

}  // namespace r1::rewards::workers
