#pragma once
// Dataset folders as the Hugging Face hub and datasets' save_to_disk lay them out: which files are
// which split.
#include <string>
#include <vector>

namespace r1::data {

/// The files of one split, in the order of their names. `path`: a folder, or FOLDER:SPLIT; without
/// a split it is "train", or the only one there is. Files lie in the folder itself, in its data/,
/// or in a folder named like the split. A split is a name in front of "-00000-of-00002", or one of
/// train, validation (valid, val, dev) and test (eval) in a file's name; what has neither is
/// "train". A folder of folders whose files are numbered objects ("algebra/12.json", as MATH is
/// published), or with such folders for splits, counts too. README, dataset_info.json and what is
/// no record file are passed over. Throws: InputError that names the splits or configurations there
/// are, or the parts that are missing. Reference:
/// huggingface.co/docs/hub/datasets-file-names-and-splits.
std::vector<std::string> split_files(const std::string& path);

/// Whether `path` is a folder, or FOLDER:SPLIT.
bool is_dataset_folder(const std::string& path);

/// Whether a name is that of a record file: .parquet, .arrow, .jsonl, .json, .csv, .tsv, also
/// packed.
bool is_record_file(const std::string& name);

}  // namespace r1::data
