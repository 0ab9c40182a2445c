// Divergences of rows of student logits from teacher logits: statistics in one pass, and the
// gradient in one pass. One thread block processes one row.
#include "kernels/cuda/launchers.cuh"
#include "kernels/cuda/vocab_rows.cuh"

namespace r1::kernels::cuda {
namespace {

template <int N>
__device__ __forceinline__ void add_exponentials(RunningSum& running, const float (&z)[N]) {
  running.raise(largest(z));
#pragma unroll
  for (int i = 0; i < N; ++i) running.sum += __expf(z[i] - running.max);
}

__global__ void __launch_bounds__(kRowThreads)
    pair_statistics_kernel(const float* __restrict__ student, std::int64_t student_stride,
                           std::int64_t student_size, const float* __restrict__ teacher,
                           std::int64_t teacher_stride, std::int64_t common, float scale,
                           float* __restrict__ out, std::int64_t num_rows) {
  __shared__ float scratch[kRowThreads / kWarp];
  const std::int64_t row = blockIdx.x;
  const float* const pair[2] = {student + row * student_stride, teacher + row * teacher_stride};
  const float* const alone[1] = {pair[0]};
  const bool student_packs = starts_packs(student, student_stride);
  RunningSum of_student, of_teacher, hard;
  float student_dot = 0.0f, teacher_dot = 0.0f;  // of the difference teacher - student
  for_each_batch(pair, 0, common, student_packs && starts_packs(teacher, teacher_stride),
                 [&](const auto& batch) {
                   constexpr int kCount = sizeof(batch.values[0]) / sizeof(float);
                   float a[kCount], b[kCount];
#pragma unroll
                   for (int i = 0; i < kCount; ++i) {
                     a[i] = batch.values[0][i] * scale;
                     b[i] = batch.values[1][i] * scale;
                   }
                   student_dot *= of_student.raise(largest(a));
                   teacher_dot *= of_teacher.raise(largest(b));
                   add_exponentials(hard, batch.values[0]);
#pragma unroll
                   for (int i = 0; i < kCount; ++i) {
                     const float ea = __expf(a[i] - of_student.max),
                                 eb = __expf(b[i] - of_teacher.max), difference = b[i] - a[i];
                     of_student.sum += ea;
                     of_teacher.sum += eb;
                     student_dot += ea * difference;
                     teacher_dot += eb * difference;
                   }
                 });
  for_each_batch(alone, common, student_size, student_packs && common % 4 == 0,
                 [&](const auto& batch) { add_exponentials(hard, batch.values[0]); });
  const float max_student = block_max(of_student.max, scratch),
              max_teacher = block_max(of_teacher.max, scratch),
              max_hard = block_max(hard.max, scratch);
  const float student_factor = __expf(of_student.max - max_student),
              teacher_factor = __expf(of_teacher.max - max_teacher);
  const float student_sum = block_total(of_student.sum * student_factor, scratch),
              teacher_sum = block_total(of_teacher.sum * teacher_factor, scratch),
              hard_sum = block_total(hard.sum * __expf(hard.max - max_hard), scratch);
  student_dot = block_total(student_dot * student_factor, scratch);
  teacher_dot = block_total(teacher_dot * teacher_factor, scratch);
  if (threadIdx.x != 0) return;
  // The differences that were asked for are those of logits less their maximum.
  const float shift = max_teacher - max_student;
  const float results[8] = {max_student,
                            max_teacher,
                            max_hard,
                            student_sum,
                            teacher_sum,
                            student_dot - shift * student_sum,
                            teacher_dot - shift * teacher_sum,
                            hard_sum};
#pragma unroll
  for (int i = 0; i < 8; ++i) out[i * num_rows + row] = results[i];
}

/// `out` may be the student's logits themselves. `numbers` [rows, 8]: kernel_table.h.
template <class T>
__global__ void __launch_bounds__(kRowThreads)
    pair_gradient_kernel(const float* student, std::int64_t student_stride,
                         std::int64_t student_size, const float* __restrict__ teacher,
                         std::int64_t teacher_stride, std::int64_t common,
                         const float* __restrict__ numbers,
                         const std::int64_t* __restrict__ targets, float scale, T* out,
                         std::int64_t out_stride) {
  const std::int64_t row = blockIdx.x;
  const float* const pair[2] = {student + row * student_stride, teacher + row * teacher_stride};
  const float* const alone[1] = {pair[0]};
  T* const to = out + row * out_stride;
  float n[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) n[i] = numbers[row * 8 + i];
  const float lse_student = n[0], lse_teacher = n[1], lse_hard = n[2], reverse_kl = n[3],
              forward_weight = n[4], reverse_weight = n[5], hard_weight = n[6], at_target = n[7];
  const auto hard = [&](float logit) { return __expf(logit - lse_hard) * hard_weight; };
  const auto both = [&](float logit, float teacher_logit) {
    const float log_q = logit * scale - lse_student, log_p = teacher_logit * scale - lse_teacher;
    const float q = __expf(log_q), p = __expf(log_p);
    const float soft = (q - p) * forward_weight + q * (log_q - log_p - reverse_kl) * reverse_weight;
    return hard(logit) + scale * soft;
  };
  const std::int64_t target = targets[row];
  float value_at_target = 0.0f;  // before any logit is overwritten
  if (threadIdx.x == 0)
    value_at_target =
        (target < common ? both(pair[0][target], pair[1][target]) : hard(pair[0][target])) -
        at_target;
  __syncthreads();
  const bool student_packs = starts_packs(student, student_stride) && starts_packs(out, out_stride);
  for_each_batch(pair, 0, common, student_packs && starts_packs(teacher, teacher_stride),
                 [&](const auto& batch) {
                   constexpr int kCount = sizeof(batch.values[0]) / sizeof(float);
                   float results[kCount];
#pragma unroll
                   for (int i = 0; i < kCount; ++i)
                     results[i] = both(batch.values[0][i], batch.values[1][i]);
                   store_batch(to, batch, results);
                 });
  for_each_batch(alone, common, student_size, student_packs && common % 4 == 0,
                 [&](const auto& batch) {
                   constexpr int kCount = sizeof(batch.values[0]) / sizeof(float);
                   float results[kCount];
#pragma unroll
                   for (int i = 0; i < kCount; ++i) results[i] = hard(batch.values[0][i]);
                   store_batch(to, batch, results);
                 });
  __syncthreads();
  // A target that is not held here has at_target 0: what stood there is written again.
  if (threadIdx.x == 0) to[target] = from_float<T>(value_at_target);
}

}  // namespace

void pair_statistics(const float* student, std::int64_t student_stride, std::int64_t student_size,
                     const float* teacher, std::int64_t teacher_stride, std::int64_t common,
                     std::int64_t rows, float scale, float* out, CudaStream stream) {
  if (rows == 0) return;
  pair_statistics_kernel<<<static_cast<unsigned>(rows), kRowThreads, 0, stream_of(stream)>>>(
      student, student_stride, student_size, teacher, teacher_stride, common, scale, out, rows);
}

void pair_gradient(const float* student, std::int64_t student_stride, std::int64_t student_size,
                   const float* teacher, std::int64_t teacher_stride, std::int64_t common,
                   std::int64_t rows, const float* numbers, const std::int64_t* targets,
                   float scale, CudaType out_type, void* out, std::int64_t out_stride,
                   CudaStream stream) {
  if (rows == 0) return;
  dispatch_type(out_type, [&](auto value) {
    using T = decltype(value);
    pair_gradient_kernel<T><<<static_cast<unsigned>(rows), kRowThreads, 0, stream_of(stream)>>>(
        student, student_stride, student_size, teacher, teacher_stride, common, numbers, targets,
        scale, static_cast<T*>(out), out_stride);
  });
}

}  // namespace r1::kernels::cuda
