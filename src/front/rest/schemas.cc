#include "front/rest/schemas.h"

#include <array>

namespace onoma::front {
namespace {

#define TEXT R"({"type":"string"})"
#define TEXTS R"({"type":"array","items":{"type":"string"}})"
#define TIME R"({"type":"string","format":"date-time"})"
#define SECONDS R"({"type":"integer","minimum":0,"maximum":2147483647})"
#define COUNT R"({"type":"integer","minimum":0})"
#define FLAG R"({"type":"boolean"})"
#define REF(name) R"({"$ref":"#/components/schemas/)" name R"("})"
#define LIST_OF(name) R"({"type":"array","items":)" REF(name) "}"
// An object with these properties and no others; `required` is a list in JSON.
#define OBJECT(required, properties) \
  R"({"type":"object","additionalProperties":false,"required":)" required R"(,"properties":{)" properties "}}"
#define PAGE_OF(name) OBJECT(R"(["items"])", R"("items":)" LIST_OF(name) R"(,"next":)" TEXT)

#define ORIGIN                                                                           \
  R"("roid":)" TEXT R"(,"sponsor":)" TEXT R"(,"created_by":)" TEXT R"(,"created":)" TIME \
  R"(,"updated_by":)" TEXT R"(,"updated":)" TIME R"(,"revision":)" COUNT

#define TLD_FIELDS                                                                                                 \
  R"("mname":)" TEXT R"(,"rname":)" TEXT R"(,"refresh_s":)" SECONDS R"(,"retry_s":)" SECONDS                       \
  R"(,"expire_s":)" SECONDS R"(,"minimum_s":)" SECONDS R"(,"soa_ttl_s":)" SECONDS R"(,"apex":)" LIST_OF(           \
      "ApexRecord") R"(,"ns_ttl_s":)" SECONDS R"(,"ds_ttl_s":)" SECONDS R"(,"address_ttl_s":)" SECONDS             \
                    R"(,"glue":{"enum":["narrow","wide"]},"serial":{"enum":["counter","unixtime","datecounter"]})" \
                    R"(,"first_serial":)" COUNT                                                                    \
                    R"(,"denial":{"enum":["unsigned","nsec","nsec3","nsec3_opt_out"]})"                            \
                    R"(,"identifier_apex":)" TEXT                                                                  \
                    R"(,"max_domain_labels":{"type":"integer","minimum":1,"maximum":126})"                         \
                    R"(,"allow_idn":)" FLAG                                                                        \
                    R"(,"term_years":{"type":"integer","minimum":1,"maximum":10},"test_zone":)" FLAG

#define REGISTRAR_FIELDS \
  R"("name":)" TEXT R"(,"role":{"enum":["registrar","operator"]},"tlds":)" TEXTS R"(,"enabled":)" FLAG

#define CONTACT_FIELDS R"("fields":{"type":"object","additionalProperties":)" TEXT "}"

#define DATA R"("data":{"oneOf":[{"type":"string"},)" OBJECT(R"(["base64url"])", R"("base64url":)" TEXT) "]}"
#define VALUE_FIELDS                                                                     \
  R"("index":{"type":"integer","minimum":1,"maximum":2147483647},"type":)" TEXT "," DATA \
  R"(,"ttl_s":)" SECONDS R"(,"ttl_absolute":)" FLAG                                      \
  R"(,"permissions":{"type":"integer","minimum":0,"maximum":15})"                        \
  R"(,"references":{"type":"array","items":)" OBJECT(R"(["identifier"])",                \
                                                     R"("identifier":)" TEXT R"(,"index":)" COUNT) "}"

#define IDENTIFIER_TEXT                                                                                    \
  R"("scheme":)" TEXT R"(,"canonical":)" TEXT R"(,"display":)" TEXT R"(,"prefix":)" TEXT                   \
  R"(,"suffix":)" TEXT R"(,"is_prefix":)" FLAG R"(,"parts":{"type":"object","additionalProperties":)" TEXT \
  R"(},"warnings":)" TEXTS

#define TRACE_FIELDS                                                                           \
  R"("zone":)" TEXT R"(,"serial":)" COUNT R"(,"first_event":)" COUNT R"(,"last_event":)" COUNT \
  R"(,"changes":)" COUNT R"(,"replayed":)" FLAG R"(,"collected":)" TIME R"(,"signed":)" TIME   \
  R"(,"checked":)" TIME R"(,"durable":)" TIME R"(,"visible":)" TIME R"(,"visible_after_us":)" COUNT

#define SHOWN_FIELDS                                                  \
  R"("visibility":{"enum":["visible","unchanged","held","pending"]})" \
  R"(,"published":)" LIST_OF("Published") R"(,"held":)" LIST_OF("HeldZone")

constexpr auto kSchemas = std::to_array<Schema>({
    {"Problem", OBJECT(R"(["type","title","status","detail","code"])",
                       R"("type":)" TEXT R"(,"title":)" TEXT R"(,"status":{"type":"integer"},"detail":)" TEXT
                       R"(,"code":)" TEXT R"(,"field":)" TEXT
                       R"(,"candidates":)" LIST_OF("IdentifierText") R"(,"resolution":)" REF("Resolution"))},
    {"ApexRecord", OBJECT(R"(["type","data"])",
                          R"("type":)" TEXT R"(,"ttl_s":)" SECONDS R"(,"data":)" TEXT R"(,"name":)" TEXT)},
    {"Ds",
     OBJECT(
         R"(["key_tag","algorithm","digest_type","digest"])",
         R"("key_tag":{"type":"integer","minimum":0,"maximum":65535},"algorithm":{"type":"integer","minimum":0,"maximum":255})"
         R"(,"digest_type":{"type":"integer","minimum":0,"maximum":255},"digest":)" TEXT)},
    {"DsOrText", R"({"oneOf":[)" REF("Ds") "," TEXT "]}"},
    {"Glue", OBJECT(R"(["host","addresses"])", R"("host":)" TEXT R"(,"addresses":)" TEXTS)},
    {"Value", OBJECT(R"(["index","type","data"])", VALUE_FIELDS R"(,"timestamp":)" COUNT)},
    {"NewValue", OBJECT(R"(["index","type","data"])", VALUE_FIELDS)},

    {"Tld", OBJECT(R"(["name","mname","rname","revision"])", R"("name":)" TEXT "," TLD_FIELDS "," ORIGIN)},
    {"TldCreate", OBJECT(R"(["name"])", R"("name":)" TEXT "," TLD_FIELDS)},
    {"TldUpdate", OBJECT("[]", TLD_FIELDS)},
    {"TldList", PAGE_OF("Tld")},
    {"Registrar", OBJECT(R"(["id","role","revision"])", R"("id":)" TEXT "," REGISTRAR_FIELDS "," ORIGIN)},
    {"RegistrarCreate", OBJECT(R"(["id"])", R"("id":)" TEXT "," REGISTRAR_FIELDS)},
    {"RegistrarUpdate", OBJECT("[]", REGISTRAR_FIELDS R"(,"new_token":)" FLAG)},
    {"RegistrarList", PAGE_OF("Registrar")},
    {"Contact", OBJECT(R"(["id","erased","revision"])",
                       R"("id":)" TEXT "," CONTACT_FIELDS R"(,"erased":)" FLAG "," ORIGIN)},
    {"ContactCreate", OBJECT(R"(["id","fields"])", R"("id":)" TEXT "," CONTACT_FIELDS)},
    {"ContactUpdate", OBJECT(R"(["fields"])", CONTACT_FIELDS)},
    {"ContactList", PAGE_OF("Contact")},
    {"Host", OBJECT(R"(["name","addresses","revision"])",
                    R"("name":)" TEXT R"(,"addresses":)" TEXTS R"(,"a_ttl_s":)" SECONDS
                    R"(,"aaaa_ttl_s":)" SECONDS R"(,"statuses":)" TEXTS "," ORIGIN)},
    {"HostCreate", OBJECT(R"(["name"])", R"("name":)" TEXT R"(,"addresses":)" TEXTS)},
    {"HostUpdate", OBJECT(R"(["addresses"])", R"("addresses":)" TEXTS R"(,"statuses":)" TEXTS)},
    {"HostList", PAGE_OF("Host")},
    {"Domain", OBJECT(R"(["name","tld","name_servers","revision"])",
                      R"("name":)" TEXT R"(,"unicode":)" TEXT R"(,"tld":)" TEXT R"(,"name_servers":)" TEXTS
                      R"(,"ds":)" LIST_OF("Ds") R"(,"ns_ttl_s":)" SECONDS R"(,"ds_ttl_s":)" SECONDS
                                                R"(,"registrant":)" TEXT R"(,"statuses":)" TEXTS
                                                R"(,"expires":)" TIME "," ORIGIN)},
    {"DomainCreate", OBJECT(R"(["name"])", R"("name":)" TEXT R"(,"name_servers":)" TEXTS
                                           R"(,"glue":)" LIST_OF("Glue") R"(,"ds":)" LIST_OF(
                                               "DsOrText") R"(,"registrant":)" TEXT R"(,"years":)" COUNT)},
    {"DomainUpdate",
     OBJECT("[]", R"("name_servers":)" TEXTS R"(,"glue":)" LIST_OF("Glue") R"(,"ds":)" LIST_OF(
                      "DsOrText") R"(,"registrant":)" TEXT R"(,"statuses":)" TEXTS)},
    {"DomainList", PAGE_OF("Domain")},
    {"Identifier", OBJECT(R"(["scheme","canonical","values","revision"])",
                          R"("scheme":)" TEXT R"(,"canonical":)" TEXT R"(,"display":)" TEXT
                          R"(,"prefix":)" TEXT R"(,"dns_name":)" TEXT R"(,"tld":)" TEXT R"(,"status":)" TEXT
                          R"(,"values":)" LIST_OF("Value") "," ORIGIN)},
    {"IdentifierCreate", OBJECT(R"(["identifier"])", R"("identifier":)" TEXT R"(,"scheme":)" TEXT
                                                     R"(,"values":)" LIST_OF("NewValue"))},
    {"IdentifierUpdate",
     OBJECT(R"(["values"])", R"("scheme":)" TEXT R"(,"values":)" LIST_OF("NewValue") R"(,"status":)" TEXT)},
    {"IdentifierList", PAGE_OF("Identifier")},

    {"Outcome",
     OBJECT(R"(["seq","event","committed","revision"])",
            R"("seq":)" COUNT R"(,"event":)" TEXT R"(,"committed":)" TIME R"(,"revision":)" COUNT
            R"(,"object":{"type":"object"},"repeated":)" FLAG R"(,"secret":)" TEXT R"(,"notes":)" TEXTS
            R"(,"visibility":{"enum":["visible","unchanged","held","pending"]})"
            R"(,"published":)" LIST_OF("Published") R"(,"held":)" LIST_OF("HeldZone"))},
    {"Published", OBJECT(R"(["zone","serial"])", TRACE_FIELDS)},
    {"HeldZone", OBJECT(R"(["zone","reason"])", R"("zone":)" TEXT R"(,"reason":)" TEXT)},
    {"Change",
     OBJECT(R"(["kind","key"])",
            R"("kind":{"enum":["tld","registrar","contact","host","domain","identifier"]},"key":)" TEXT
            R"(,"before":{"type":"object"},"after":{"type":"object"})")},
    {"Event", OBJECT(R"(["seq","id","time","actor","command","changes"])",
                     R"("seq":)" COUNT R"(,"id":)" TEXT R"(,"time":)" TIME R"(,"actor":)" TEXT
                     R"(,"command":)" TEXT R"(,"changes":)" LIST_OF("Change") "," SHOWN_FIELDS)},
    {"EventList",
     OBJECT(R"(["items","last","newest"])",
            R"("items":)" LIST_OF("Event") R"(,"next":)" TEXT R"(,"last":)" COUNT R"(,"newest":)" COUNT)},
    {"Zone",
     OBJECT(R"(["zone","state","last_event"])",
            R"("zone":)" TEXT R"(,"state":{"enum":["starting","idle","held","failing"]},"reason":)" TEXT
            R"(,"serial":)" COUNT R"(,"last_event":)" COUNT
            R"(,"denial":{"enum":["none","nsec","nsec3"]},"names":)" COUNT R"(,"records":)" COUNT
            R"(,"delegations":)" COUNT R"(,"ds_sets":)" COUNT R"(,"glue_records":)" COUNT
            R"(,"signatures":)" COUNT R"(,"earliest_expiry":)" COUNT)},
    {"ZoneList", PAGE_OF("Zone")},
    {"Keys", OBJECT(R"(["zone","signed","ds"])", R"("zone":)" TEXT R"(,"signed":)" FLAG R"(,"ds":)" LIST_OF(
                                                     "DsRecord") R"(,"keys":)" LIST_OF("Key"))},
    {"DsRecord", OBJECT(R"(["key_tag","algorithm","digest_type","digest","text"])",
                        R"("key_tag":)" COUNT R"(,"algorithm":)" COUNT R"(,"digest_type":)" COUNT
                        R"(,"digest":)" TEXT R"(,"text":)" TEXT)},
    {"Key", OBJECT(R"(["key_tag","algorithm","flags"])",
                   R"("key_tag":)" COUNT R"(,"algorithm":)" COUNT R"(,"flags":)" COUNT)},
    {"ImportedHost", OBJECT(R"(["name"])", R"("name":)" TEXT R"(,"addresses":)" TEXTS R"(,"a_ttl_s":)" SECONDS
                                           R"(,"aaaa_ttl_s":)" SECONDS R"(,"remove":)" FLAG)},
    {"ImportedDelegation",
     OBJECT(R"(["name"])", R"("name":)" TEXT R"(,"name_servers":)" TEXTS R"(,"ns_ttl_s":)" SECONDS
                           R"(,"ds":)" LIST_OF("DsOrText") R"(,"ds_ttl_s":)" SECONDS R"(,"remove":)" FLAG)},
    {"Import",
     OBJECT("[]", R"("hosts":)" LIST_OF("ImportedHost") R"(,"delegations":)" LIST_OF("ImportedDelegation"))},
    {"IdentifierText", OBJECT(R"(["scheme","canonical"])", IDENTIFIER_TEXT)},
    {"Detection", OBJECT(R"(["best","alternatives"])",
                         R"("best":)" REF("IdentifierText") R"(,"alternatives":)" LIST_OF("IdentifierText"))},
    {"Mapping", OBJECT(R"(["identifier","dns_name"])",
                       R"("identifier":)" REF("IdentifierText") R"(,"dns_name":)" TEXT R"(,"apex":)" TEXT)},
    {"Resolution", R"({"type":"object"})"},
    {"Status", R"({"type":"object"})"},
});

}  // namespace

std::span<const Schema> all_schemas() {
  return kSchemas;
}

}  // namespace onoma::front
