# The helpers that every CMakeLists.txt of the project uses.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  if(LEANKV_SANITIZE)  # what ccache wants to know precompiled headers again
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  endif()
endif()

add_library(leankv_options INTERFACE)
target_compile_options(leankv_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wno-sign-conversion)
# Codes, page ids and counts must be equal on every machine: no fused multiply-add unless written.
target_compile_options(leankv_options INTERFACE -ffp-contract=off)
target_include_directories(leankv_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
# GCC 12 warns of std::string concatenation (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(leankv_options INTERFACE -Wno-restrict)
endif()
if(LEANKV_WERROR)
  target_compile_options(leankv_options INTERFACE -Werror)
endif()
if(LEANKV_SANITIZE)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "LEANKV_SANITIZE needs clang: use the presets asan, tsan or fuzz")
  endif()
  # Of the directory, so that a target's own options come behind.
  add_compile_options(-fsanitize=${LEANKV_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LEANKV_SANITIZE} -fuse-ld=lld)
endif()

# leankv_heavy(target): where the tests of a sanitised build compute, it is optimised a little; all else compiles faster
# without. A call per access, and no checks of pointers that the address sanitiser sees too: in unrolled kernels both
# together are three quarters of the compiler's time.
function(leankv_heavy target)
  if(LEANKV_SANITIZE)
    target_compile_options(${target} PRIVATE -O1)
    set_target_properties(${target} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)  # those are for -O0
  endif()
  if(LEANKV_SANITIZE MATCHES address)
    target_compile_options(${target} PRIVATE "SHELL:-mllvm -asan-instrumentation-with-call-threshold=0"
                           -fno-sanitize=null,object-size,pointer-overflow)
  endif()
endfunction()

# leankv_precompile(target GROUP headers...): sanitised builds read big headers once for all targets of a group, which
# are compiled alike. The other builds do not, so that a missing #include is seen.
function(leankv_precompile target group)
  if(NOT LEANKV_SANITIZE)
    return()
  endif()
  target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  get_property(first GLOBAL PROPERTY leankv_precompiled_${group})
  if(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
    set_property(GLOBAL PROPERTY leankv_precompiled_${group} ${target})
  endif()
endfunction()

# leankv_library(name DEPENDS other...): one folder, one library; its link line is what it may include.
function(leankv_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  endif()
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC leankv_options ${ARG_DEPENDS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE leankv_options ${ARG_DEPENDS})
  endif()
endfunction()

# leankv_tests(folder DEPENDS libs...): every tests/<folder>/*_test.cc becomes an executable of its name.
function(leankv_tests folder)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*_test.cc)
  if(NOT LEANKV_PROGRAM)
    list(FILTER sources EXCLUDE REGEX "/cuda_[^/]*$")
  endif()
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} leankv_test_support GTest::gtest GTest::gmock GTest::gtest_main)
    leankv_precompile(${name} tests <gmock/gmock.h> <gtest/gtest.h> <fmt/format.h> <nlohmann/json.hpp>)
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
  endforeach()
endfunction()
