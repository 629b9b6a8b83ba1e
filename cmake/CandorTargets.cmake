# What every target shares, and how a folder declares its library and tests.

option(CANDOR_SANITIZE "Sanitizers for host code: empty, 'address,undefined' or 'thread'" "")

# Host code: hosted C++20, warnings are errors, optionally sanitized.
add_library(candor_host_options INTERFACE)
target_include_directories(candor_host_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(candor_host_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wcast-qual -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Wno-unused-command-line-argument>)
if(CANDOR_SANITIZE)
  target_compile_options(candor_host_options INTERFACE
    -fsanitize=${CANDOR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(candor_host_options INTERFACE -fsanitize=${CANDOR_SANITIZE})
endif()

# Freestanding code (guest kernel, guests, tender): no library, no red zone of
# its own to lose, nothing that needs run-time support.
add_library(candor_freestanding INTERFACE)
target_include_directories(candor_freestanding INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(candor_freestanding INTERFACE
  -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit>
  -Wall -Wextra -Wshadow -Werror -O2 -g)

# candor_library(NAME SOURCES... [TESTS...] [LINK...])
# A library named candor_NAME for the folder that calls it, and one test
# executable from the x_test.cc files that sit beside their sources.
function(candor_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;TESTS;LINK;TEST_LINK" ${ARGN})
  if(ARG_SOURCES)
    add_library(candor_${name} STATIC ${ARG_SOURCES})
    target_link_libraries(candor_${name} PUBLIC candor_host_options ${ARG_LINK})
  else()
    add_library(candor_${name} INTERFACE)
    target_link_libraries(candor_${name} INTERFACE candor_host_options ${ARG_LINK})
  endif()
  if(ARG_TESTS AND BUILD_TESTING)
    find_package(GTest REQUIRED)
    add_executable(${name}_tests ${ARG_TESTS})
    target_link_libraries(${name}_tests PRIVATE candor_${name} ${ARG_TEST_LINK} GTest::gtest_main GTest::gmock)
    gtest_discover_tests(${name}_tests TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
      PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()
