#pragma once
// Serialization of values for messages: Boost.Serialization for the records of data/types.h and
// standard containers. Tensors are raw buffers outside the archive (TensorTable), and the archive
// holds their indices.
#include <ATen/core/Tensor.h>

#include <boost/archive/archive_exception.hpp>
#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/map.hpp>
#include <boost/serialization/split_free.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/utility.hpp>
#include <boost/serialization/vector.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "data/types.h"

namespace r1::mpi {

/// The tensors of one message, in the order of their indices in the archive.
struct TensorTable {
  std::vector<at::Tensor> tensors;
};

/// A value as bytes, with the tensors of the value.
struct Encoded {
  std::string type;     // type name of the value
  std::string archive;  // Boost binary archive
  std::vector<at::Tensor> tensors;
};

/// Readable name of a type, for headers and errors.
std::string demangle(const char* mangled);

/// Serialize and deserialize a value; tensors go to the message's tensor table. decode throws:
/// MpiError naming the type if the archive does not contain such a value.
template <class T>
Encoded encode(const T& value);
template <class T>
T decode(const Encoded& encoded);

namespace detail {
/// The address identifies the TensorTable among the helpers of an archive.
inline char tensor_table_id;
std::string save_archive(void (*save)(boost::archive::binary_oarchive&, const void*),
                         const void* value, std::vector<at::Tensor>& tensors);
void load_archive(const Encoded& encoded, void (*load)(boost::archive::binary_iarchive&, void*),
                  void* value);
}  // namespace detail

template <class T>
Encoded encode(const T& value) {
  Encoded result;
  result.type = demangle(typeid(T).name());
  result.archive = detail::save_archive([](boost::archive::binary_oarchive& archive,
                                           const void* v) { archive << *static_cast<const T*>(v); },
                                        &value, result.tensors);
  return result;
}

template <class T>
T decode(const Encoded& encoded) {
  T value;
  detail::load_archive(
      encoded,
      [](boost::archive::binary_iarchive& archive, void* v) { archive >> *static_cast<T*>(v); },
      &value);
  return value;
}

}  // namespace r1::mpi

namespace boost::serialization {

template <class Archive>
void save(Archive& archive, const at::Tensor& tensor, unsigned) {
  auto& table =
      archive.template get_helper<r1::mpi::TensorTable>(&r1::mpi::detail::tensor_table_id);
  const std::int64_t index =
      tensor.defined() ? static_cast<std::int64_t>(table.tensors.size()) : -1;
  if (tensor.defined()) table.tensors.push_back(tensor);
  archive << index;
}

template <class Archive>
void load(Archive& archive, at::Tensor& tensor, unsigned) {
  auto& table =
      archive.template get_helper<r1::mpi::TensorTable>(&r1::mpi::detail::tensor_table_id);
  std::int64_t index = -1;
  archive >> index;
  if (index >= static_cast<std::int64_t>(table.tensors.size()))
    throw boost::archive::archive_exception(boost::archive::archive_exception::input_stream_error);
  tensor = index < 0 ? at::Tensor() : table.tensors[static_cast<std::size_t>(index)];
}

template <class Archive>
void serialize(Archive& archive, at::Tensor& tensor, unsigned version) {
  split_free(archive, tensor, version);
}

template <class Archive>
void serialize(Archive& archive, r1::data::Prompt& p, unsigned) {
  archive& p.index& p.token_ids& p.text& p.opening& p.problem& p.answer& p.domain& p.record;
}

template <class Archive>
void serialize(Archive& archive, r1::data::ToolAnswer& a, unsigned) {
  archive& a.begin& a.end& a.call& a.text& a.status& a.seconds;
}

template <class Archive>
void serialize(Archive& archive, r1::data::Completion& c, unsigned) {
  archive& c.token_ids& c.logprobs& c.kept_mass& c.text& c.finish_reason& c.answers& c.experts& c
      .versions;
}

template <class Archive>
void serialize(Archive& archive, r1::data::Reward& r, unsigned) {
  archive& r.total& r.parts& r.reason& r.drop;
}

template <class Archive>
void serialize(Archive& archive, r1::data::Rollout& r, unsigned) {
  archive& r.sample& r.group& r.policy_version& r.origin& r.prompt& r.completion& r.reward& r
      .reference_logprobs;
}

}  // namespace boost::serialization

// The archives are messages, not files, so there are no class versions and no tracking of
// addresses.
BOOST_CLASS_IMPLEMENTATION(at::Tensor, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(at::Tensor, boost::serialization::track_never)
BOOST_CLASS_IMPLEMENTATION(r1::data::Prompt, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(r1::data::Prompt, boost::serialization::track_never)
BOOST_CLASS_IMPLEMENTATION(r1::data::ToolAnswer, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(r1::data::ToolAnswer, boost::serialization::track_never)
BOOST_CLASS_IMPLEMENTATION(r1::data::Completion, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(r1::data::Completion, boost::serialization::track_never)
BOOST_CLASS_IMPLEMENTATION(r1::data::Reward, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(r1::data::Reward, boost::serialization::track_never)
BOOST_CLASS_IMPLEMENTATION(r1::data::Rollout, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(r1::data::Rollout, boost::serialization::track_never)
