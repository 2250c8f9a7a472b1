// From command-line arguments to the JSON of the REST door, and pages back. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace boost::json {
class object;
}

namespace onoma::app {

// The arguments of all object commands; each command fills in those it has.
struct ObjectArguments {
  std::string key;
  std::string scheme, if_match, registrant, status, title, role, mname, rname, denial, serial, glue_policy,
      identifier_apex;
  std::vector<std::string> name_servers, glue, ds, addresses, statuses, values, fields, apex, tlds;
  std::map<std::string, std::uint32_t> numbers;  // by the member's name
  std::map<std::string, bool> flags;             // by the member's name
  std::set<std::string> cleared;                 // members to be sent empty
};

Result<std::string> tld_body(const ObjectArguments& arguments, bool create);
Result<std::string> registrar_body(const ObjectArguments& arguments, bool create);
Result<std::string> contact_body(const ObjectArguments& arguments, bool create);
Result<std::string> host_body(const ObjectArguments& arguments, bool create);
Result<std::string> domain_body(const ObjectArguments& arguments, bool create);
Result<std::string> identifier_body(const ObjectArguments& arguments, bool create);
// The present object with the arguments' members over it, as the door takes it.
Result<std::string> merge_tld(const ObjectArguments& arguments, const boost::json::object& present);
Result<std::string> merge_host(const ObjectArguments& arguments, const boost::json::object& present);
Result<std::string> merge_identifier(const ObjectArguments& arguments, const boost::json::object& present);
Result<std::string> merge_registrar(const ObjectArguments& arguments, const boost::json::object& present);

struct ItemPage {
  std::vector<boost::json::object> items;
  std::string next;  // path and query of the page behind it; empty at the end
};
Result<ItemPage> read_page(std::string_view body);
Result<boost::json::object> read_object(std::string_view body);

// An object without what the registry sets itself.
boost::json::object without_origin(boost::json::object object);

}  // namespace onoma::app
