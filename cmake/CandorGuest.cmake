include_guard(GLOBAL)

# candor_add_guest(NAME SOURCES...)
# Builds the guest image guests/NAME in the build directory from an application's
# C++ files and the guest kernel. The application includes "guest/sdk.h". Guest code
# is freestanding and never carries the host's sanitizers. Works in any project that
# adds this one (docs/guests.md).
function(candor_add_guest name)
  cmake_parse_arguments(ARG "" "" "SOURCES" ${ARGN})
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../guest/arch/x86_64/guest.ld)
  add_executable(guest_${name} ${ARG_SOURCES} ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(guest_${name} PROPERTIES
    OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/guests
    LINK_DEPENDS "${script};$<TARGET_FILE:candor_guest_kernel>;$<TARGET_FILE:candor_guest_library>")
  add_dependencies(guest_${name} candor_guest_kernel candor_guest_library)
  target_link_libraries(guest_${name} PRIVATE candor_application)
  if(PROJECT_SOURCE_DIR STREQUAL candor_SOURCE_DIR)
    target_link_libraries(guest_${name} PRIVATE candor_freestanding_warnings)
    candor_precompile_sdk(guest_${name})
  endif()
  target_compile_options(guest_${name} PRIVATE -fno-pic -mcmodel=small)
  target_link_options(guest_${name} PRIVATE
    -nostdlib -static $<$<CXX_COMPILER_ID:GNU>:-no-pie> -Wl,-T,${script} -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--build-id=none
    -Wl,--gc-sections  # what of kernel and library nobody uses is left out
    # Before the application's objects: of an inline function that both have, the first copy is
    # linked, and only the kernel's keeps away from extended registers.
    -Wl,--whole-archive,$<TARGET_FILE:candor_guest_kernel>,--no-whole-archive)
  # Behind the application's objects, which say what is wanted of it.
  target_link_libraries(guest_${name} PRIVATE $<TARGET_FILE:candor_guest_library> gcc)
endfunction()

# The images of this repository include the SDK, whose headers take two thirds of the time to compile each: the first
# precompiles them for all.
function(candor_precompile_sdk target)
  get_property(first GLOBAL PROPERTY CANDOR_SDK_PRECOMPILED_BY)
  if(NOT CANDOR_TOGETHER)
    return()
  elseif(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    target_precompile_headers(${target} PRIVATE ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../guest/sdk.h)
    set_property(GLOBAL PROPERTY CANDOR_SDK_PRECOMPILED_BY ${target})
  endif()
endfunction()
