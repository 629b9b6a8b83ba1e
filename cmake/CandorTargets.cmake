# What every target shares, and how a folder declares its library and tests.

set(CANDOR_SANITIZE "" CACHE STRING "Sanitizers for host code: empty, 'address,undefined' or 'thread'")
set(CANDOR_TESTS "unit;static;host;conformance;e2e;timing;fuzz" CACHE STRING "Labels of the tests that are built and run")

# Not for clang-tidy, which goes by the list of commands. Its look at each file (./dev lint) also shows whether all
# that a file uses is included.
option(CANDOR_TOGETHER "Compile a few files at once, and headers of many files beforehand" ON)

# Every VM process is a fork of candor: with no library mapped and nothing
# relocated there is half as much to copy, and a VM starts half a millisecond sooner.
set(CANDOR_STATIC ON CACHE BOOL "Link candor as one static program")

# Debian has fmt as a shared library. For a static program its code is compiled once:
# from its headers it would be in each file, and cost each six seconds.
if(CANDOR_HOST)
  find_package(fmt REQUIRED)
  set(CANDOR_FMT fmt::fmt)
  if(CANDOR_STATIC)
    set(CANDOR_FMT candor_fmt)
    add_library(candor_fmt STATIC ${PROJECT_SOURCE_DIR}/os/fmt.cc)
  endif()
endif()

# All test programs, and nothing that they do not need.
add_custom_target(candor_tests)

# Host code: hosted C++20, warnings are errors, optionally sanitized.
add_library(candor_host_options INTERFACE)
target_include_directories(candor_host_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(candor_host_options INTERFACE
  -Wall -Wextra -Wshadow -Wcast-qual -Werror $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Wno-unused-command-line-argument>)
if(CANDOR_SANITIZE)
  set(options -fsanitize=${CANDOR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    $<$<BOOL:$<TARGET_PROPERTY:CANDOR_COMPUTES>>:-O1>
    -g1)  # lines for reports; types take as long to write as the code
  # But for tests of another process.
  target_compile_options(candor_host_options INTERFACE
    "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:CANDOR_NOT_SANITIZED>>>:${options}>")
  target_link_options(candor_host_options INTERFACE -fsanitize=${CANDOR_SANITIZE})
  if(CANDOR_SANITIZE MATCHES "address")
    # It makes system calls of its own, also where a filter is in force.
    target_compile_definitions(candor_host_options INTERFACE CANDOR_ADDRESS_SANITIZED)
  endif()
endif()

# Code without a C library underneath: no red zone of its own to lose, nothing that needs run-time support.
add_library(candor_bare INTERFACE)
target_include_directories(candor_bare INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_features(candor_bare INTERFACE cxx_std_20)
target_compile_options(candor_bare INTERFACE
  -fno-omit-frame-pointer -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit>
  # Everything is linked into one static program; clang would reach other files' variables through a table.
  $<$<CXX_COMPILER_ID:Clang>:-fdirect-access-external-data>
  -O2 -g)

# Freestanding code (guest kernel, tender).
add_library(candor_freestanding INTERFACE)
target_link_libraries(candor_freestanding INTERFACE candor_bare)
target_compile_options(candor_freestanding INTERFACE -ffreestanding)

# Applications in guests: they have a library (guest/library), as far as it goes. Templates that libstdc++ has
# compiled beforehand, such as std::string, would want exceptions.
add_library(candor_application INTERFACE)
target_link_libraries(candor_application INTERFACE candor_bare)
target_compile_definitions(candor_application INTERFACE _GLIBCXX_EXTERN_TEMPLATE=0)
target_compile_options(candor_application INTERFACE -U_FORTIFY_SOURCE -ffunction-sections -fdata-sections)

# Warnings of freestanding code of this repository. Guests of other projects have rules of their own.
add_library(candor_freestanding_warnings INTERFACE)
target_compile_options(candor_freestanding_warnings INTERFACE -Wall -Wextra -Wshadow -Werror)

# Libraries' headers (GoogleTest, JSON, TOML) take longer to read than the files that include them: once for a few
# files. Names without linkage must differ between them.
function(candor_unite target files)
  if(CANDOR_TOGETHER)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${files})
  endif()
endfunction()

# candor_computes(NAME): the library candor_NAME and its tests compute for long, so tests are optimized a little, and
# so are both where they are sanitized: they take a fifth of the time. Elsewhere compiling that takes longer.
function(candor_computes name)
  foreach(target candor_${name} ${name}_tests)
    if(TARGET ${target})
      set_target_properties(${target} PROPERTIES CANDOR_COMPUTES ON)
    endif()
  endforeach()
endfunction()

# candor_library(NAME [SOURCES...] [LINK...] [TESTS...] [TEST_LINK...] [TOGETHER FILES])
# A library named candor_NAME for the folder that calls it, and one test
# executable from the x_test.cc files that sit beside their sources.
function(candor_library name)
  cmake_parse_arguments(ARG "" "TOGETHER" "SOURCES;TESTS;LINK;TEST_LINK" ${ARGN})
  if(ARG_SOURCES)
    add_library(candor_${name} STATIC ${ARG_SOURCES})
    if(NOT ARG_TOGETHER)
      set(ARG_TOGETHER 4)
    endif()
    candor_unite(candor_${name} ${ARG_TOGETHER})
    target_link_libraries(candor_${name} PUBLIC candor_host_options ${ARG_LINK})
  else()
    add_library(candor_${name} INTERFACE)
    target_link_libraries(candor_${name} INTERFACE candor_host_options ${ARG_LINK})
  endif()
  if(ARG_TESTS)
    candor_test(${name} SOURCES ${ARG_TESTS} LINK candor_${name} ${ARG_TEST_LINK})
  endif()
endfunction()

# candor_wants_tests(LABEL VARIABLE): whether this preset builds and runs tests with this label.
#   unit    in parallel with others
#   static  a script over the sources, the same whatever the compiler
#   host    threads of the host meet, some of them real-time: alone
#   conformance  tiny guests, one behaviour each; starts VMs, so real-time threads may hold a processor: alone,
#           or on a processor that it has alone (FIRST, SECOND)
#   e2e     what the command promises; starts VMs: alone
#   timing  judges measured times: alone
#   fuzz    libFuzzer: clang only
function(candor_wants_tests label variable)
  if(BUILD_TESTING AND label IN_LIST CANDOR_TESTS)
    set(${variable} ON PARENT_SCOPE)
  else()
    set(${variable} OFF PARENT_SCOPE)
  endif()
endfunction()

# candor_test(NAME SOURCES... [LINK...] [LABEL unit|host|conformance|e2e|timing] [TIMEOUT SECONDS]
#             [FIRST FILTER SECOND FILTER BESIDE FILTER])
# A GoogleTest executable NAME_tests, one ctest test "NAME.Suite.Case" for each case.
# A test that cannot run here says GTEST_SKIP() << "needs THING: what is missing".
# Of tests that run alone, cases of the two filters (GoogleTest's) need only a processor each: one of the first
# runs beside one of the second, which is told so by CANDOR_TEST_PROCESSOR=1. Those of the third need one, too, and
# it does not matter which.
function(candor_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT;FIRST;SECOND;BESIDE" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  candor_wants_tests(${ARG_LABEL} wanted)
  if(NOT wanted)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set(alone OFF)
  if(ARG_LABEL MATCHES "^(host|conformance|e2e|timing)$")
    set(alone ON)
  endif()
  find_package(GTest REQUIRED)
  add_executable(${name}_tests ${ARG_SOURCES})
  add_dependencies(candor_tests ${name}_tests)
  target_link_libraries(${name}_tests PRIVATE candor_host_options ${ARG_LINK} GTest::gtest_main GTest::gmock)
  candor_unite(${name}_tests 4)
  if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    # The headers of GoogleTest and JSON cost more than the tests; what is tested is optimized all the same. But of an
    # inline function that test and library have, the test's may be linked: that counts where threads meet.
    set(computes $<OR:$<STREQUAL:${ARG_LABEL},host>,$<BOOL:$<TARGET_PROPERTY:CANDOR_COMPUTES>>>)
    target_compile_options(${name}_tests PRIVATE $<$<COMPILE_LANGUAGE:CXX>:$<IF:${computes},-O1,-O0> -g1>)
  endif()
  if(ARG_LABEL MATCHES "^(conformance|e2e|timing)$" AND CANDOR_SANITIZE)
    set_target_properties(${name}_tests PROPERTIES CANDOR_NOT_SANITIZED ON)
  endif()
  if(ARG_FIRST)
    candor_discover(${name} "-${ARG_FIRST}:${ARG_SECOND}:${ARG_BESIDE}" RUN_SERIAL ${alone})
    candor_discover(${name} "${ARG_FIRST}" RESOURCE_LOCK processor0)
    candor_discover(${name} "${ARG_SECOND}" RESOURCE_LOCK processor1
      ENVIRONMENT_MODIFICATION CANDOR_TEST_PROCESSOR=set:1)
    candor_discover(${name} "${ARG_BESIDE}")
  else()
    candor_discover(${name} "" RUN_SERIAL ${alone})
  endif()
endfunction()

# Of candor_test(): those of its cases that `filter` names become tests with these properties.
macro(candor_discover name filter)
  # CMake itself turns GoogleTest's "[  SKIPPED ]" into ctest's Skipped.
  # Parameters have names of their own; their values, as pointers print, would differ in each build.
  gtest_discover_tests(${name}_tests TEST_PREFIX "${name}." TEST_FILTER "${filter}" DISCOVERY_TIMEOUT 60 NO_PRETTY_VALUES
    # A race in a process that the test has started ends that process, and so is seen.
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT TSAN_OPTIONS=halt_on_error=1 ${ARGN})
endmacro()

# candor_script_test(NAME COMMAND...)
# A check of the sources by a script: label "static". It skips by exit status 77.
function(candor_script_test name)
  candor_wants_tests(static wanted)
  if(NOT wanted)
    return()
  endif()
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS static TIMEOUT 60 SKIP_RETURN_CODE 77)
endfunction()
