#include "cli/rt_app_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

namespace candor::cli {
namespace {

// Goes through the text without keeping it, and stops at what a tree would hide: a key that is there twice
// (the last one would win), and depth.
class Checker final : public nlohmann::json_sax<OrderedJson> {
 public:
  std::string wrong;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_object() override { return levels_.pop_back(), true; }
  bool end_array() override { return levels_.pop_back(), true; }

  bool key(string_t& name) override {
    levels_.back().last = name;
    if (levels_.back().keys.insert(name).second) return true;
    std::string path;
    for (const Level& level : levels_) path += fmt::format("{}{}", path.empty() ? "" : ".", level.last);
    wrong = fmt::format("{}: key \"{}\" is there twice; number them, as \"{}0\" and \"{}1\"", path, name,
                        name, name);
    return false;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // What the library says begins with its own name for the error.
    const std::string_view text = error.what();
    wrong = fmt::format(
        "is not JSON at byte {}: {}; mend it (comments are allowed, commas before a closing bracket "
        "are not)",
        position, text.substr(std::min(text.find("] ") + 2, text.size())));
    return false;
  }

 private:
  struct Level {
    std::set<std::string> keys;
    std::string last;
  };

  bool enter() {
    levels_.emplace_back();
    if (levels_.size() <= kJsonDepthMax) return true;
    wrong = fmt::format("is nested deeper than the limit of {}; rt-app's files need 6", kJsonDepthMax);
    return false;
  }

  std::vector<Level> levels_;
};

}  // namespace

Result<OrderedJson, std::string> parse_ordered_json(std::string_view text) {
  Checker checker;
  if (!OrderedJson::sax_parse(text, &checker, nlohmann::detail::input_format_t::json, true, true))
    return Error{checker.wrong};
  return OrderedJson::parse(text, nullptr, false, true);
}

}  // namespace candor::cli
