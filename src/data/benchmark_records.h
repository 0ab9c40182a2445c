#pragma once
// Records of public benchmarks in their own forms: what the model is asked, what the gold answer
// is.
#include <nlohmann/json.hpp>
#include <string>

namespace r1::data {

/// Completes a question and its gold answer from a record of a known form; others are left alone.
///   a question with choices (choices.h): they are listed under it, the answer becomes a letter
///   {prompt, entry_point, test} (HumanEval): the stub is framed as a task
///   {text or prompt, test_list} (MBPP): the asserted names are shown
///   {question_content, starter_code, public_test_cases} (LiveCodeBench): how to answer is said
///   {description, input_format, output_format, examples, official_tests} (open-r1's Codeforces):
///   the sections of the statement are put together
/// A question or an answer that is empty is first taken from Problem, Question and from Answer,
/// Solution, the spellings of GPQA and of some editions of AIME.
/// Reference: Hendrycks et al., arXiv 2009.03300; Chen et al., arXiv 2107.03374; Austin et al.,
/// arXiv 2108.07732; Jain et al., arXiv 2403.07974 (LiveCodeBench). Throws: InputError for choices
/// or an answer among them that cannot be read.
void complete_benchmark_question(const nlohmann::json& record, std::string& question,
                                 std::string& answer);

}  // namespace r1::data
