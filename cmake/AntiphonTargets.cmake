# SPDX-License-Identifier: Apache-2.0
# One function per kind of target. Dependencies are PRIVATE unless listed in
# PUBLIC_DEPS (a header of the target includes them).
include(GoogleTest)

# The warnings that GCC and Clang both know.
set(ANTIPHON_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wsign-conversion)
if(ANTIPHON_WERROR)
  list(APPEND ANTIPHON_WARNINGS -Werror)
endif()

function(_antiphon_compile_settings target)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_compile_options(${target} PRIVATE ${ANTIPHON_WARNINGS}
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Werror=thread-safety>)
endfunction()

# antiphon_library(NAME n HDRS … SRCS … DEPS … PUBLIC_DEPS …): target antiphon_n,
# alias antiphon::n. Header-only where SRCS is empty.
function(antiphon_library)
  cmake_parse_arguments(A "" "NAME" "HDRS;SRCS;DEPS;PUBLIC_DEPS" ${ARGN})
  set(target antiphon_${A_NAME})
  if(A_SRCS)
    add_library(${target} STATIC ${A_SRCS})
    _antiphon_compile_settings(${target})
    set(scope PUBLIC)
    target_link_libraries(${target} PUBLIC ${A_PUBLIC_DEPS} PRIVATE ${A_DEPS})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
    target_link_libraries(${target} INTERFACE ${A_PUBLIC_DEPS} ${A_DEPS})
  endif()
  target_sources(${target} ${scope} FILE_SET HEADERS
    BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${A_HDRS})
  add_library(antiphon::${A_NAME} ALIAS ${target})
endfunction()

# antiphon_program(NAME n SRCS … DEPS …): an executable with the file name n.
function(antiphon_program)
  cmake_parse_arguments(A "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${A_NAME} ${A_SRCS})
  _antiphon_compile_settings(${A_NAME})
  target_compile_definitions(${A_NAME} PRIVATE ANTIPHON_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${A_NAME} PRIVATE ${A_DEPS})
  set_target_properties(${A_NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
endfunction()

# antiphon_test(NAME n SRCS … DEPS … [LABELS …] [TIMEOUT s] [SERIAL]): a GoogleTest
# binary; each of its tests is one ctest test named n.Suite.Test. SERIAL lets nothing
# else run beside it.
function(antiphon_test)
  cmake_parse_arguments(A "SERIAL" "NAME;TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  add_executable(${A_NAME} ${A_SRCS})
  _antiphon_compile_settings(${A_NAME})
  target_compile_definitions(${A_NAME} PRIVATE
    ANTIPHON_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    ANTIPHON_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(${A_NAME} PRIVATE ${A_DEPS} GTest::gmock_main)
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 60)
  endif()
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/scratch")
  set(properties TIMEOUT ${A_TIMEOUT}
    ENVIRONMENT "TEST_TMPDIR=${PROJECT_BINARY_DIR}/scratch")
  if(A_SERIAL)
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  gtest_discover_tests(${A_NAME} TEST_PREFIX "${A_NAME}."
    DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
  if(A_LABELS)
    # gtest_discover_tests keeps only the first of several labels.
    set(script "${CMAKE_CURRENT_BINARY_DIR}/${A_NAME}_labels.cmake")
    file(WRITE "${script}" "if(${A_NAME}_TESTS)\n"
      "set_tests_properties(\${${A_NAME}_TESTS} PROPERTIES LABELS \"${A_LABELS}\")\n"
      "endif()\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${script}")
  endif()
endfunction()

# antiphon_benchmark(NAME n SRCS … DEPS …): a Google Benchmark binary.
function(antiphon_benchmark)
  cmake_parse_arguments(A "" "NAME" "SRCS;DEPS" ${ARGN})
  antiphon_program(NAME ${A_NAME} SRCS ${A_SRCS}
    DEPS ${A_DEPS} benchmark::benchmark_main)
endfunction()
