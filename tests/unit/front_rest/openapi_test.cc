// The OpenAPI document is true: it names every route, its references lead somewhere, the door's documents fit
// their schemas, and the schemas of requests have exactly the fields that the door takes.
#include <set>

#include "fixture.h"
#include "front/rest/router.h"
#include "front/rest/schemas.h"
#include "model/json.h"

namespace onoma::front {
namespace {

// As much of JSON Schema as schemas.cc uses. Says what is wrong, or nothing.
class Validator {
 public:
  explicit Validator(const json::object& schemas) : schemas_(schemas) {}

  std::string check(const json::value& schema_value, const json::value& value, const std::string& at) const {
    const auto& schema = schema_value.as_object();
    if (const auto* reference = schema.if_contains("$ref")) {
      const std::string name(
          reference->as_string().subview(std::string_view("#/components/schemas/").size()));
      return schemas_.contains(name) ? check(schemas_.at(name), value, at) : "no schema " + name;
    }
    if (const auto* choices = schema.if_contains("oneOf")) {
      int fits = 0;
      for (const auto& choice : choices->as_array()) fits += check(choice, value, at).empty() ? 1 : 0;
      return fits == 1 ? "" : at + ": fits " + std::to_string(fits) + " of the choices";
    }
    if (const auto* words = schema.if_contains("enum")) {
      for (const auto& word : words->as_array())
        if (word == value) return "";
      return at + ": " + json::serialize(value) + " is no listed word";
    }
    const std::string type(schema.at("type").as_string());
    if (type == "object") return check_object(schema, value, at);
    if (type == "array") {
      if (!value.is_array()) return at + ": no array";
      std::size_t i = 0;
      for (const auto& item : value.as_array())
        if (auto wrong = check(schema.at("items"), item, at + "[" + std::to_string(i++) + "]");
            !wrong.empty())
          return wrong;
      return "";
    }
    if (type == "string") return value.is_string() ? "" : at + ": no string";
    if (type == "boolean") return value.is_bool() ? "" : at + ": no boolean";
    if (type == "integer") {
      if (!value.is_int64() && !value.is_uint64()) return at + ": no integer";
      const auto number = value.to_number<std::int64_t>();
      if (schema.contains("minimum") && number < schema.at("minimum").to_number<std::int64_t>())
        return at + ": too small";
      if (schema.contains("maximum") && number > schema.at("maximum").to_number<std::int64_t>())
        return at + ": too large";
      return "";
    }
    return at + ": type " + type + " is not known here";
  }

 private:
  std::string check_object(const json::object& schema, const json::value& value,
                           const std::string& at) const {
    if (!value.is_object()) return at + ": no object";
    const auto& object = value.as_object();
    if (const auto* required = schema.if_contains("required"))
      for (const auto& name : required->as_array())
        if (!object.contains(name.as_string())) return at + ": lacks " + std::string(name.as_string());
    const auto* properties = schema.if_contains("properties");
    const auto* others = schema.if_contains("additionalProperties");
    for (const auto& [name, member] : object) {
      const auto place = at + "." + std::string(name);
      std::string wrong;
      if (properties && properties->as_object().contains(name))
        wrong = check(properties->at(name), member, place);
      else if (others && others->is_object())
        wrong = check(*others, member, place);
      else if (others && *others == false)
        wrong = place + ": is not in the schema";
      if (!wrong.empty()) return wrong;
    }
    return "";
  }
  const json::object& schemas_;
};

class OpenApiTest : public RestTest {
 protected:
  void SetUp() override {
    RestTest::SetUp();
    document_ = object(call("", "GET", "/v1/openapi.json"));
    ASSERT_TRUE(document_.contains("components"));
    schemas_ = document_.at("components").at("schemas").as_object();
  }
  void fits(std::string_view schema, const HttpReply& reply) {
    EXPECT_LT(reply.status, 300) << reply.body;
    EXPECT_EQ(Validator(schemas_).check(schemas_.at(schema), object(reply), std::string(schema)), "")
        << reply.body;
  }
  json::object document_, schemas_;
};

TEST_F(OpenApiTest, NamesEveryRouteAndNothingElse) {
  std::set<std::string> listed, routed;
  for (const auto& [path, methods] : document_.at("paths").as_object())
    for (const auto& [method, operation] : methods.as_object())
      listed.insert(std::string(method) + " " + std::string(path));
  for (const auto& route : door_->router().routes()) {
    std::string path(route.path), method(route.method);
    if (path.ends_with("+}")) path.erase(path.size() - 2, 1);
    for (auto& c : method) c = static_cast<char>(c | 0x20);
    routed.insert(method + " " + path);
  }
  EXPECT_EQ(listed, routed);
}

TEST_F(OpenApiTest, ReferencesLeadSomewhere) {
  std::set<std::string> used;
  const std::function<void(const json::value&)> walk = [&](const json::value& value) {
    if (value.is_array())
      for (const auto& item : value.as_array()) walk(item);
    if (!value.is_object()) return;
    for (const auto& [name, member] : value.as_object()) {
      if (name == "$ref") {
        const std::string target(member.as_string());
        EXPECT_TRUE(schemas_.contains(target.substr(target.rfind('/') + 1))) << target;
        used.insert(target.substr(target.rfind('/') + 1));
      }
      walk(member);
    }
  };
  walk(document_);
  for (const auto& [name, schema] : schemas_)
    EXPECT_TRUE(used.contains(std::string(name))) << name << " is used nowhere";
}

TEST_F(OpenApiTest, EachRouteAsksForTheTokenItSays) {
  for (const auto& route : door_->router().routes()) {
    std::string path(route.path);
    for (auto open = path.find('{'); open != std::string::npos; open = path.find('{'))
      path.replace(open, path.find('}') - open + 1, "x");
    const auto reply = call("", route.method, path, route.method == "GET" ? "" : "{}");
    EXPECT_EQ(reply.status == 401, route.access != Access::anybody)
        << route.method << " " << route.path << ": " << reply.status;
  }
}

TEST_F(OpenApiTest, DocumentsFitTheirSchemas) {
  fits("Outcome", call("alpha", "POST", "/v1/contacts",
                       R"({"id":"c-1","fields":{"name":"A","email":"a@example.org"}})"));
  fits("Outcome", call("alpha", "POST", "/v1/hosts", R"({"name":"ns9.invalid"})"));
  fits("Outcome", call("alpha", "POST", "/v1/domains?wait=visible",
                       R"({"name":"example.test","name_servers":["ns1.example.test","ns9.invalid"],
      "registrant":"c-1","glue":[{"host":"ns1.example.test","addresses":["192.0.2.1","2001:db8::1"]}],"years":2,
      "ds":["1 13 2 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]})"));
  fits("Outcome",
       call("alpha", "PATCH", "/v1/domains/example.test", R"({"statuses":["clientTransferProhibited"]})"));
  fits("Outcome",
       call("alpha", "POST", "/v1/identifiers",
            R"({"identifier":"10.1000/182","values":[{"index":1,"type":"URL","data":"https://a.example/"},
      {"index":2,"type":"X","data":{"base64url":"_wA"},"references":[{"identifier":"10.1000/183","index":1}]}]})"));
  fits("Domain", call("", "GET", "/v1/domains/example.test"));
  fits("DomainList", call("operator", "GET", "/v1/domains"));
  fits("Host", call("", "GET", "/v1/hosts/ns1.example.test"));
  fits("HostList", call("operator", "GET", "/v1/hosts?limit=1"));
  fits("Contact", call("alpha", "GET", "/v1/contacts/c-1"));
  fits("ContactList", call("alpha", "GET", "/v1/contacts"));
  fits("Identifier", call("alpha", "GET", "/v1/identifiers/10.1000%2F182"));
  fits("IdentifierList", call("alpha", "GET", "/v1/identifiers"));
  fits("Registrar", call("operator", "GET", "/v1/registrars/alpha"));
  fits("RegistrarList", call("operator", "GET", "/v1/registrars"));
  fits("Tld", call("", "GET", "/v1/tlds/test"));
  fits("TldList", call("", "GET", "/v1/tlds"));
  fits("EventList", call("operator", "GET", "/v1/events?limit=1000"));
  fits("Event", call("operator", "GET", "/v1/events/1?wait=visible"));
  fits("ZoneList", call("", "GET", "/v1/zones"));
  fits("Zone", call("", "GET", "/v1/zones/test"));
  fits("Keys", call("", "GET", "/v1/zones/test/keys-ds"));
  fits("Detection", call("", "GET", "/v1/ident/detect?q=10.1000%2F182"));
  fits("Mapping", call("", "GET", "/v1/ident/map?q=10.1000%2F182"));
  fits("Status", call("", "GET", "/v1/status"));
  const Validator validator(schemas_);
  for (const auto* target : {"/r/9506000134352", "/r/10.1000/nix", "/v1/nothing"})
    EXPECT_EQ(validator.check(schemas_.at("Problem"), object(call("", "GET", target)), "Problem"), "");
}

TEST_F(OpenApiTest, RequestsHaveTheFieldsThatTheDoorTakes) {
  const std::map<std::string, std::pair<std::string, std::string>> commands{
      {"TldCreate", {"tld.create", ""}},
      {"TldUpdate", {"tld.update", "a"}},
      {"RegistrarCreate", {"registrar.create", ""}},
      {"RegistrarUpdate", {"registrar.update", "a"}},
      {"ContactCreate", {"contact.create", ""}},
      {"ContactUpdate", {"contact.update", "a"}},
      {"HostCreate", {"host.create", ""}},
      {"HostUpdate", {"host.update", "a"}},
      {"DomainCreate", {"domain.create", ""}},
      {"DomainUpdate", {"domain.update", "a"}},
      {"IdentifierCreate", {"identifier.create", ""}},
      {"IdentifierUpdate", {"identifier.update", "a"}},
      {"Import", {"import", "a"}}};
  const json::object samples{{"name", "a"},
                             {"id", "a"},
                             {"identifier", "a"},
                             {"fields", json::object()},
                             {"addresses", json::array()},
                             {"values", json::array()}};
  for (const auto& route : door_->router().routes()) {
    if (route.request.empty()) continue;
    const std::string schema(route.request);
    ASSERT_TRUE(commands.contains(schema)) << schema;
    const auto& [command, key] = commands.at(schema);
    const auto& wanted = schemas_.at(schema).as_object();
    json::object body{{"no_such_field", 1}};
    for (const auto& name : wanted.at("required").as_array())
      body[name.as_string()] = samples.at(name.as_string());
    const auto read = model::command_from_json(command, key, json::serialize(body));
    ASSERT_FALSE(read);
    ASSERT_EQ(read.error().code, Code::unknown_field) << schema << ": " << read.error().message;
    // The message lists the fields that exist.
    std::set<std::string> taken, described;
    auto list = read.error().message.substr(read.error().message.rfind(": ") + 2);
    for (std::size_t at = 0; at != std::string::npos;) {
      const auto end = list.find(", ", at);
      taken.insert(list.substr(at, end == std::string::npos ? end : end - at));
      at = end == std::string::npos ? end : end + 2;
    }
    for (const auto& [name, property] : wanted.at("properties").as_object())
      described.insert(std::string(name));
    EXPECT_EQ(taken, described) << schema;
  }
}

}  // namespace
}  // namespace onoma::front
