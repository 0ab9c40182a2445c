#pragma once
// Values of a template: the Python types that chat templates use. Values are immutable, except
// namespaces.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace r1::jinja {

class Value;
struct Call;

/// The kinds of sequences, which differ in equality, truth and length: Python's list, tuple,
/// generator and dict_items.
enum class SequenceKind { List, Tuple, Generator, View };

struct Sequence;
struct Mapping;

/// A value with attributes of its own: a namespace, a loop.
struct Object {
  virtual ~Object() = default;
  /// Undefined if there is no such attribute.
  virtual Value attribute(const std::string& name) const = 0;
  virtual const char* type_name() const = 0;
};

/// A macro, a method of a value, or a function of the language.
struct Function {
  std::string name;
  std::function<Value(Call&)> call;
};

/// The value of an undefined name: prints nothing, is false, has no attributes.
struct Undefined {
  std::string what;  // the missing thing, for errors: "'tools'"
};
struct None {};

class Value {
 public:
  using Text = std::shared_ptr<const std::string>;

  Value() : data_(Undefined{}) {}
  Value(Undefined undefined) : data_(std::move(undefined)) {}
  Value(None) : data_(None{}) {}
  Value(bool truth) : data_(truth) {}
  Value(std::int64_t number) : data_(number) {}
  Value(double number) : data_(number) {}
  Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(std::shared_ptr<const Sequence> sequence) : data_(std::move(sequence)) {}
  Value(std::shared_ptr<const Mapping> mapping) : data_(std::move(mapping)) {}
  Value(std::shared_ptr<Object> object) : data_(std::move(object)) {}
  Value(std::shared_ptr<const Function> function) : data_(std::move(function)) {}

  bool is_undefined() const { return is<Undefined>(); }
  bool is_none() const { return is<None>(); }
  bool is_bool() const { return is<bool>(); }
  bool is_int() const { return is<std::int64_t>(); }
  bool is_float() const { return is<double>(); }
  bool is_string() const { return is<Text>(); }
  bool is_sequence() const { return is<std::shared_ptr<const Sequence>>(); }
  bool is_mapping() const { return is<std::shared_ptr<const Mapping>>(); }
  bool is_object() const { return is<std::shared_ptr<Object>>(); }
  bool is_function() const { return is<std::shared_ptr<const Function>>(); }
  /// Whether the value is int, float or bool; a bool counts as 0 or 1.
  bool is_number() const { return is_bool() || is_int() || is_float(); }
  bool is_integral() const { return is_bool() || is_int(); }

  const Undefined& undefined() const { return std::get<Undefined>(data_); }
  bool truth() const { return std::get<bool>(data_); }
  const std::string& string() const { return *std::get<Text>(data_); }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(data_); }
  const Mapping& mapping() const { return *std::get<std::shared_ptr<const Mapping>>(data_); }
  const std::shared_ptr<Object>& object() const { return std::get<std::shared_ptr<Object>>(data_); }
  const Function& function() const { return *std::get<std::shared_ptr<const Function>>(data_); }
  std::int64_t integer() const { return is_bool() ? truth() : std::get<std::int64_t>(data_); }
  double real() const { return is_float() ? std::get<double>(data_) : double(integer()); }

  /// The depth of nested containers; 0 for a scalar.
  int depth() const;
  /// The cost of comparing or printing the value: the number of values, where a text counts 1 per
  /// 64 bytes.
  std::size_t weight() const;
  /// For errors: "a string".
  const char* type_name() const;

 private:
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(data_);
  }

  std::variant<Undefined, None, bool, std::int64_t, double, Text, std::shared_ptr<const Sequence>,
               std::shared_ptr<const Mapping>, std::shared_ptr<Object>,
               std::shared_ptr<const Function>>
      data_;
};

struct Sequence {
  SequenceKind kind = SequenceKind::List;
  std::vector<Value> items;
  int depth = 1;
  std::size_t weight = 1;
};

struct Mapping {
  std::vector<std::pair<Value, Value>> entries;  // in insertion order
  int depth = 1;
  std::size_t weight = 1;

  /// Null if there is no such key.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
};

/// Python's ==: values of different types differ, except that numbers of different types may be
/// equal.
bool equal(const Value& a, const Value& b);
/// Python's bool().
bool is_true(const Value& value);

}  // namespace r1::jinja
