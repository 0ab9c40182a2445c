// verify: prints the maths verifier's verdicts on pairs of gold answer and prediction.
#include "rewards/maths/verify.h"

#include <chrono>
#include <string>

#include "commands/commands.h"
#include "commands/records.h"
#include "data/json_text.h"

namespace r1::mpi {
namespace {

/// A text, or a number as it is written.
std::string answer_text(const RecordReader& reader, const Record& record, const char* key) {
  const auto field = record.fields.find(key);
  if (field != record.fields.end() && data::is_json_number(*field)) return data::dump_json(*field);
  return reader.text(record, key);
}

const char* name_of(rewards::maths::Answer answer) {
  switch (answer) {
    case rewards::maths::Answer::Equal:
      return "equal";
    case rewards::maths::Answer::Different:
      return "different";
    case rewards::maths::Answer::Unknown:
      break;
  }
  return "unknown";
}

}  // namespace

int verify_command(const CommandLine& line) {
  RecordReader reader(line.input);
  RecordWriter writer(line.output);
  for (Record record; reader.next(record);) {
    const std::string gold = answer_text(reader, record, "gold");
    const std::string prediction = answer_text(reader, record, "pred");
    const auto start = std::chrono::steady_clock::now();
    const auto verdict = rewards::maths::verify(gold, prediction);
    const std::chrono::duration<double, std::micro> taken =
        std::chrono::steady_clock::now() - start;
    record.fields["verdict"] = name_of(verdict.answer);
    record.fields["score"] = verdict.score;
    record.fields["reason"] = verdict.reason;
    record.fields["rule"] = verdict.rule;
    if (line.timing) record.fields["microseconds"] = taken.count();
    writer.write(record.fields);
  }
  writer.finish();
  return 0;
}

}  // namespace r1::mpi
