// Requests become commands; what a request does not have is refused with the fields that it has.
#include <gtest/gtest.h>

#include "model/json.h"
#include "model/ports.h"

namespace onoma::model {
namespace {

template <class T>
T read(std::string_view command, std::string_view key, std::string_view body) {
  auto result = command_from_json(command, key, body);
  if (!result) {
    ADD_FAILURE() << command << ": " << result.error().message << " at " << result.error().field;
    return {};
  }
  EXPECT_EQ(command_name(*result), command);
  return std::get<T>(*result);
}

TEST(JsonCommand, EveryCommandCanBeRead) {
  auto create =
      read<DomainCreate>("domain.create", "", R"({"name":"中国.test","name_servers":["ns1.example.net"],
      "glue":[{"host":"ns1.a.test","addresses":["192.0.2.1"]}],
      "ds":["60485 13 2 ABCDEF 0123",{"key_tag":1,"algorithm":8,"digest_type":4,"digest":"00ff"}],
      "registrant":"C-1","years":2})");
  EXPECT_EQ(create.name, "中国.test");
  EXPECT_EQ(create.glue.at(0).addresses.at(0), "192.0.2.1");
  EXPECT_EQ(create.ds.at(0).key_tag, 60485);
  EXPECT_EQ(create.ds.at(0).digest, (Bytes{0xab, 0xcd, 0xef, 0x01, 0x23}));
  EXPECT_EQ(create.ds.at(1).digest, (Bytes{0x00, 0xff}));
  EXPECT_EQ(create.years, 2U);

  auto update = read<DomainUpdate>("domain.update", "a.test", R"({"ds":[]})");
  EXPECT_EQ(update.name, "a.test");
  ASSERT_TRUE(update.ds);
  EXPECT_TRUE(update.ds->empty());
  EXPECT_FALSE(update.name_servers);
  EXPECT_FALSE(update.statuses);
  EXPECT_EQ(read<DomainDelete>("domain.delete", "a.test", "").name, "a.test");

  EXPECT_EQ(read<TldCreate>("tld.create", "", R"({"name":"test","mname":"ns1.test","rname":"hostmaster.test",
      "apex":[{"type":"NS","data":"ns1.test."}],"identifier_apex":"id.test","glue":"narrow"})")
                .tld.glue,
            GluePolicy::narrow);
  EXPECT_EQ(read<TldUpdate>("tld.update", ".", R"({"mname":"a"})").tld.name, Name());
  EXPECT_EQ(read<TldDelete>("tld.delete", "test", "").name, *Name::parse("test"));
  EXPECT_EQ(read<RegistrarCreate>("registrar.create", "", R"({"id":"acme","tlds":["test"]})").registrar.id,
            "acme");
  EXPECT_TRUE(read<RegistrarUpdate>("registrar.update", "acme", R"({"new_token":true})").new_token);
  EXPECT_EQ(read<RegistrarDelete>("registrar.delete", "acme", "{}").id, "acme");
  EXPECT_EQ(read<ContactCreate>("contact.create", "", R"({"id":"C-1","fields":{"name":"N"}})")
                .data.fields.at("name"),
            "N");
  EXPECT_EQ(read<ContactUpdate>("contact.update", "C-1", R"({"fields":{}})").id, "C-1");
  EXPECT_EQ(read<ContactErase>("contact.erase", "C-1", "").id, "C-1");
  EXPECT_EQ(read<ContactDelete>("contact.delete", "C-1", "").id, "C-1");
  EXPECT_EQ(read<HostCreate>("host.create", "", R"({"name":"ns1.a.test"})").name, "ns1.a.test");
  EXPECT_TRUE(read<HostUpdate>("host.update", "ns1.a.test", R"({"addresses":[],"statuses":["x"]})").statuses);
  EXPECT_EQ(read<HostDelete>("host.delete", "ns1.a.test", "").name, "ns1.a.test");
  EXPECT_EQ(
      read<IdentifierCreate>("identifier.create", "",
                             R"({"identifier":"10.1/2","values":[{"index":1,"type":"URL","data":"https://a"},
                                       {"index":2,"type":"B","data":{"base64url":"_w"}}]})")
          .values.at(1)
          .data,
      Bytes{0xff});
  EXPECT_EQ(
      read<IdentifierUpdate>("identifier.update", "10.1/2", R"({"values":[],"status":"deprecated"})").status,
      "deprecated");
  EXPECT_EQ(read<IdentifierDelete>("identifier.delete", "10.1/2", R"({"scheme":"hdl"})").scheme, "hdl");
  auto import = read<Import>("import", "test",
                             R"({"hosts":[{"name":"ns.a.test","addresses":["192.0.2.1"],"a_ttl_s":60}],
      "delegations":[{"name":"a.test","name_servers":["ns.a.test"],"ns_ttl_s":60,"ds":["1 5 1 AA"],"ds_ttl_s":30},
                     {"name":"b.test","remove":true}]})");
  EXPECT_EQ(import.hosts.at(0).a_ttl_s, 60U);
  EXPECT_TRUE(import.delegations.at(1).remove);
}

TEST(JsonCommand, UnknownFieldsAreNamedWithThoseThatExist) {
  auto result = command_from_json("domain.create", "", R"({"name":"a.test","nameservers":[]})");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::unknown_field);
  EXPECT_EQ(result.error().field, "nameservers");
  EXPECT_NE(result.error().message.find("ds, glue, name, name_servers, registrant, years"), std::string::npos)
      << result.error().message;
  // An update takes its name from the path, not twice.
  EXPECT_EQ(command_from_json("domain.update", "a.test", R"({"name":"b.test"})").error().code,
            Code::unknown_field);
  EXPECT_EQ(command_from_json("domain.delete", "a.test", R"({"force":true})").error().field, "force");
  EXPECT_EQ(command_from_json("domain.create", "",
                              R"({"name":"a.test","glue":[{"host":"x","addresses":[],"y":1}]})")
                .error()
                .field,
            "glue[0].y");
  // What only the registry sets cannot be sent.
  EXPECT_EQ(command_from_json("tld.create", "", R"({"name":"test","roid":"X"})").error().field, "roid");
}

TEST(JsonCommand, MissingAndMisshapenFieldsAreNamed) {
  EXPECT_EQ(command_from_json("domain.create", "", "{}").error().field, "name");
  EXPECT_EQ(command_from_json("host.update", "a", "{}").error().field, "addresses");
  EXPECT_EQ(command_from_json("contact.create", "", R"({"id":"C-1","fields":{"name":7}})").error().field,
            "fields.name");
  EXPECT_EQ(command_from_json("identifier.create", "",
                              R"({"identifier":"x","values":[{"index":0,"type":"U","data":""}]})")
                .error()
                .field,
            "values[0].index");
  EXPECT_EQ(command_from_json("tld.create", "", R"({"name":"test","apex":[{"type":"NOTYPE","data":""}]})")
                .error()
                .field,
            "apex[0].type");
  EXPECT_EQ(command_from_json("tld.update", "a..b", "{}").error().code, Code::bad_syntax);
  EXPECT_EQ(command_from_json("domain.rename", "", "{}").error().code, Code::bad_request);
}

}  // namespace
}  // namespace onoma::model
