// tokenize: converts text to token ids, or token ids to text.
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

/// Text to ids with BERT's tokenizer, between [CLS] and [SEP].
void encode_wordpiece(const tokenizer::WordPieceTokenizer& tokenizer, RecordReader& reader,
                      RecordWriter& writer) {
  for (Record record; reader.next(record);) {
    record.fields["ids"] = tokenizer.encode_sequence(reader.text(record, "text"), 0);
    writer.write(record.fields);
  }
}

void tokenize(const CommandLine& line, RecordReader& reader, RecordWriter& writer) {
  const auto tokenizer = open_tokenizer(line.tokenizer, std::numeric_limits<std::int64_t>::max());
  for (Record record; reader.next(record);) {
    if (line.decode)
      record.fields["text"] =
          tokenizer->decode(known_ids(reader, record, *tokenizer), line.skip_special);
    else
      record.fields["ids"] = tokenizer->encode(reader.text(record, "text"));
    writer.write(record.fields);
  }
}

}  // namespace

int tokenize_command(const CommandLine& line) {
  RecordReader reader(line.input);
  RecordWriter writer(line.output);
  if (const auto wordpiece = open_wordpiece(line.tokenizer)) {
    if (line.decode)
      throw base::ConfigError(fmt::format(
          "--decode: {} is a WordPiece tokenizer, whose ids do not hold the text", line.tokenizer));
    encode_wordpiece(*wordpiece, reader, writer);
  } else {
    tokenize(line, reader, writer);
  }
  writer.finish();
  return 0;
}

}  // namespace r1::mpi
