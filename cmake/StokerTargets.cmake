# stoker_library(NAME SOURCES a.cc b.cc DEPS other...)      a folder of controller/
# stoker_program(NAME SOURCES main.cc DEPS ...)             a program of cmd/
# stoker_test(NAME SOURCES a_test.cc DEPS ... LABEL unit|integration [TIMEOUT 120] [SERIAL])
#   a GoogleTest binary; one ctest entry per binary. LABEL says which parts it needs. Sanitizer builds
#   name theirs NAME.asan or NAME.tsan, so that one ctest run can hold several builds.
include(GoogleTest)

function(stoker_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_SOURCES)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE stoker_flags ${ARG_DEPS})
    return()
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC stoker_flags ${ARG_DEPS})
endfunction()

function(stoker_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE stoker_flags ${ARG_DEPS})
endfunction()

# STOKER_SOURCE_DIR and STOKER_BIN_DIR in a test's sources, found at run time: see tests/support/paths.h.
function(stoker_test_paths name)
  file(RELATIVE_PATH source_from_bin ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} ${CMAKE_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE STOKER_SOURCE_FROM_BIN="${source_from_bin}")
  target_compile_options(${name} PRIVATE -include ${CMAKE_SOURCE_DIR}/tests/support/paths.h)
endfunction()

function(stoker_test name)
  cmake_parse_arguments(ARG "SERIAL" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE stoker_flags ${ARG_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  stoker_test_paths(${name})
  set(test ${name}${STOKER_TEST_SUFFIX})
  add_test(NAME ${test} COMMAND ${name})
  set_tests_properties(${test} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT})
  if(ARG_SERIAL)
    set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()
