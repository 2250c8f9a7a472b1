# The few verbs every CMakeLists.txt below uses.
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(fmt REQUIRED)

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

# onoma_test(NAME DEPS room... LIBS library... LABELS label... TIMEOUT s SOURCES file...): one GoogleTest program.
function(onoma_test NAME)
  cmake_parse_arguments(ARG "" "TIMEOUT" "DEPS;LIBS;LABELS;SOURCES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${NAME} ${ARG_SOURCES})
  target_include_directories(${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  list(TRANSFORM ARG_DEPS PREPEND onoma_)
  target_link_libraries(${NAME} PRIVATE ${ARG_DEPS} ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  add_test(NAME ${NAME} COMMAND ${NAME})
  set_tests_properties(${NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "ONOMA_SOURCE_DIR=${PROJECT_SOURCE_DIR};ONOMA_BINARY_DIR=${PROJECT_BINARY_DIR}")
endfunction()

# onoma_script_test(NAME COMMAND ... LABELS ... TIMEOUT s): a test that is a script.
# Exit status 77 says "skipped" (a checker or the shared data is not here).
function(onoma_script_test NAME)
  cmake_parse_arguments(ARG "" "TIMEOUT" "COMMAND;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${NAME} COMMAND ${ARG_COMMAND})
  set_tests_properties(${NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "ONOMA_SOURCE_DIR=${PROJECT_SOURCE_DIR};ONOMA_BINARY_DIR=${PROJECT_BINARY_DIR}")
endfunction()

# onoma_fuzz(NAME DEPS room... SOURCES file...): a libFuzzer target; seeds lie in tests/fuzz/seeds/NAME.
function(onoma_fuzz NAME)
  if(NOT ONOMA_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "DEPS;SOURCES" ${ARGN})
  add_executable(fuzz_${NAME} ${ARG_SOURCES})
  target_include_directories(fuzz_${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_options(fuzz_${NAME} PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_${NAME} PRIVATE -fsanitize=fuzzer)
  list(TRANSFORM ARG_DEPS PREPEND onoma_)
  target_link_libraries(fuzz_${NAME} PRIVATE ${ARG_DEPS})
  set_property(GLOBAL APPEND PROPERTY ONOMA_FUZZ_TARGETS fuzz_${NAME})
endfunction()
