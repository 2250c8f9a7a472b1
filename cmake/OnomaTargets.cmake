# The few verbs every CMakeLists.txt below uses.
# A package found by one room is seen by all: rooms hand their libraries on to whoever links them.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(fmt REQUIRED)

# Every test program, and the program that the script tests start. `onoma_<label>_tests` is the part of it that
# the tests of one label need, so that a sanitizer build need not build everything.
add_custom_target(onoma_tests)
add_custom_target(onoma_benchmarks)

# onoma_room(NAME DEPS room... LIBS library...): a room is a static library of all its .cc files.
# DEPS must agree with tests/tidy/rooms.txt, which a test checks.
function(onoma_room NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(SOURCES)
    add_library(onoma_${NAME} STATIC ${SOURCES})
    set(SCOPE PUBLIC)
  else()
    add_library(onoma_${NAME} INTERFACE)
    set(SCOPE INTERFACE)
  endif()
  target_include_directories(onoma_${NAME} ${SCOPE} ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPS PREPEND onoma_)
  target_link_libraries(onoma_${NAME} ${SCOPE} ${ARG_DEPS} ${ARG_LIBS} fmt::fmt Threads::Threads)
endfunction()

# onoma_add_rooms(DIR): every folder of DIR that has a CMakeLists.txt.
function(onoma_add_rooms DIR)
  file(GLOB FOLDERS CONFIGURE_DEPENDS ${DIR}/*)
  foreach(FOLDER ${FOLDERS})
    if(EXISTS ${FOLDER}/CMakeLists.txt)
      get_filename_component(NAME ${FOLDER} NAME)
      add_subdirectory(${FOLDER} ${PROJECT_BINARY_DIR}/src/${NAME})
    endif()
  endforeach()
endfunction()

# What every test shares: labels, a time limit (wider under sanitizers, which are several times slower), where the
# sources and programs lie, and where a GoogleTest program leaves its report for tests/count.py.
function(onoma_test_properties NAME TIMEOUT)
  if(ONOMA_SANITIZE)
    math(EXPR TIMEOUT "${TIMEOUT} * 4")
  endif()
  set_tests_properties(${NAME} PROPERTIES LABELS "${ARGN}" TIMEOUT ${TIMEOUT} ENVIRONMENT
    "ONOMA_SOURCE_DIR=${PROJECT_SOURCE_DIR};ONOMA_BINARY_DIR=${PROJECT_BINARY_DIR};GTEST_OUTPUT=xml:${PROJECT_BINARY_DIR}/reports/${NAME}.xml")
endfunction()

# onoma_needed_by(TARGET label...): building onoma_tests, or the tests of one of the labels, builds TARGET.
function(onoma_needed_by TARGET)
  add_dependencies(onoma_tests ${TARGET})
  foreach(LABEL ${ARGN})
    if(NOT TARGET onoma_${LABEL}_tests)
      add_custom_target(onoma_${LABEL}_tests)
    endif()
    add_dependencies(onoma_${LABEL}_tests ${TARGET})
  endforeach()
endfunction()

# onoma_test(NAME [SERIAL] DEPS room... LIBS library... LABELS label... TIMEOUT s SOURCES file...): one GoogleTest
# program. SERIAL: runs alone.
function(onoma_test NAME)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT" "DEPS;LIBS;LABELS;SOURCES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${NAME} ${ARG_SOURCES})
  target_include_directories(${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  list(TRANSFORM ARG_DEPS PREPEND onoma_)
  target_link_libraries(${NAME} PRIVATE ${ARG_DEPS} ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  add_test(NAME ${NAME} COMMAND ${NAME})
  onoma_test_properties(${NAME} ${ARG_TIMEOUT} ${ARG_LABELS})
  set_tests_properties(${NAME} PROPERTIES RUN_SERIAL ${ARG_SERIAL})
  onoma_needed_by(${NAME} ${ARG_LABELS})
endfunction()

# onoma_script_test(NAME [SERIAL] COMMAND ... LABELS label... TIMEOUT s TARGETS target...): a test that is a script.
# A first word ending in .py is run with python3, one ending in .sh with bash. Exit status 77 says "skipped" (a checker
# or the shared data is not here). TARGETS (default: onoma; empty: none) are built before; the script finds them in
# ONOMA_BINARY_DIR.
function(onoma_script_test NAME)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT" "COMMAND;LABELS;TARGETS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  list(GET ARG_COMMAND 0 FIRST)
  if(FIRST MATCHES "\\.(py|sh)$")
    get_filename_component(FIRST ${FIRST} ABSOLUTE)
    list(POP_FRONT ARG_COMMAND)
    if(FIRST MATCHES "\\.py$")
      list(PREPEND ARG_COMMAND python3 -B ${FIRST})
    else()
      list(PREPEND ARG_COMMAND bash ${FIRST})
    endif()
  endif()
  add_test(NAME ${NAME} COMMAND ${ARG_COMMAND})
  onoma_test_properties(${NAME} ${ARG_TIMEOUT} ${ARG_LABELS})
  set_tests_properties(${NAME} PROPERTIES SKIP_RETURN_CODE 77 RUN_SERIAL ${ARG_SERIAL})
  if(NOT DEFINED ARG_TARGETS AND NOT "TARGETS" IN_LIST ARG_KEYWORDS_MISSING_VALUES)
    set(ARG_TARGETS onoma)
  endif()
  foreach(TARGET ${ARG_TARGETS})
    if(TARGET ${TARGET})
      onoma_needed_by(${TARGET} ${ARG_LABELS})
    endif()
  endforeach()
endfunction()

# onoma_fuzz(NAME DEPS room... SOURCES file...): a fuzz target; seeds lie in tests/fuzz/seeds/NAME.
# With ONOMA_FUZZ it becomes the libFuzzer program fuzz_NAME; otherwise a test, replay_NAME, that feeds it its seeds
# and small damages of them, so that a target never rots and a found input stays found.
function(onoma_fuzz NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;SOURCES" ${ARGN})
  list(TRANSFORM ARG_DEPS PREPEND onoma_)
  if(ONOMA_FUZZ)
    set(PROGRAM fuzz_${NAME})
    add_executable(${PROGRAM} ${ARG_SOURCES})
    target_compile_options(${PROGRAM} PRIVATE -fsanitize=fuzzer)
    target_link_options(${PROGRAM} PRIVATE -fsanitize=fuzzer)
    set_property(GLOBAL APPEND PROPERTY ONOMA_FUZZ_TARGETS ${NAME})
    if(NOT TARGET onoma_fuzzers)
      add_custom_target(onoma_fuzzers)
    endif()
    add_dependencies(onoma_fuzzers ${PROGRAM})
  else()
    set(PROGRAM replay_${NAME})
    add_executable(${PROGRAM} ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay/main.cc)
    add_test(NAME ${PROGRAM} COMMAND ${PROGRAM} ${PROJECT_SOURCE_DIR}/tests/fuzz/seeds/${NAME})
    onoma_test_properties(${PROGRAM} 120 fuzz)
    onoma_needed_by(${PROGRAM} fuzz)
  endif()
  target_include_directories(${PROGRAM} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${PROGRAM} PRIVATE ${ARG_DEPS})
endfunction()

# onoma_bench(NAME DEPS room... LIBS library... SOURCES file...): one Google Benchmark program, bench_NAME.
function(onoma_bench NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;SOURCES" ${ARGN})
  find_package(benchmark REQUIRED)
  add_executable(bench_${NAME} ${ARG_SOURCES})
  target_include_directories(bench_${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/bench)
  list(TRANSFORM ARG_DEPS PREPEND onoma_)
  target_link_libraries(bench_${NAME} PRIVATE ${ARG_DEPS} ${ARG_LIBS} benchmark::benchmark benchmark::benchmark_main)
  add_dependencies(onoma_benchmarks bench_${NAME})
endfunction()
