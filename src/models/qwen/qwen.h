#pragma once
// Qwen2/2.5 and Qwen3 (dense): Llama with biases on q, k and v, or with norms of the q and k of
// every head. Reference: arXiv 2407.10671, 2505.09388; transformers 5.17 modeling_qwen2.py,
// modeling_qwen3.py.
#include "models/llama/llama.h"

namespace r1::models {

class Qwen2Model final : public LlamaModel {
 public:
  Qwen2Model(const ModelShape& shape, at::ScalarType dtype, at::Device device,
             const parallel::ModelAxes& axes)
      : LlamaModel(shape, dtype, device, axes, {.qkv_bias = true}) {}
};

class Qwen3Model final : public LlamaModel {
 public:
  Qwen3Model(const ModelShape& shape, at::ScalarType dtype, at::Device device,
             const parallel::ModelAxes& axes)
      : LlamaModel(shape, dtype, device, axes,
                   {.qkv_bias = shape.attention_bias,
                    .output_bias = shape.attention_bias,
                    .query_key_norm = true}) {}
};

Family qwen2_family();  // ..._config.cpp
Family qwen3_family();  // ..._config.cpp

}  // namespace r1::models
