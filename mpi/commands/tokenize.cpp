// tokenize: text to token ids and back.
#include <limits>

#include "base/errors.h"
#include "commands/commands.h"
#include "commands/tool_model.h"

namespace r1::mpi {
namespace {

std::vector<data::TokenId> known_ids(const RecordReader& reader, const Record& record,
                                     const tokenizer::Tokenizer& tokenizer) {
  std::vector<data::TokenId> ids;
  for (const auto id : reader.integers(record, "ids")) {
    if (id < 0 || id >= tokenizer.vocab_size())
      reader.fail(record, fmt::format("\"ids\"[{}]: the tokenizer has ids 0 to {}, found {}",
                                      ids.size(), tokenizer.vocab_size() - 1, id));
    ids.push_back(static_cast<data::TokenId>(id));
  }
  return ids;
}

}  // namespace

int tokenize_command(const CommandLine& line) {
  RecordReader reader(line.input);
  RecordWriter writer(line.output);
  const auto tokenizer = open_tokenizer(line.tokenizer, std::numeric_limits<std::int64_t>::max());
  for (Record record; reader.next(record);) {
    if (line.decode)
      record.fields["text"] =
          tokenizer->decode(known_ids(reader, record, *tokenizer), line.skip_special);
    else
      record.fields["ids"] = tokenizer->encode(reader.text(record, "text"));
    writer.write(record.fields);
  }
  writer.finish();
  return 0;
}

}  // namespace r1::mpi
