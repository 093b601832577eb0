# The helpers that every CMakeLists.txt of the project uses.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
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
  target_compile_options(leankv_options INTERFACE -fsanitize=${LEANKV_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(leankv_options INTERFACE -fsanitize=${LEANKV_SANITIZE})
endif()
# A null pointer is the address sanitiser's already, and clang's sanitisers (preset fuzz) watch the alignment of what is
# parsed: without these two everywhere g++ is a third faster.
set(LEANKV_CHECKS_BY_CALL "")  # for long unrolled functions: compiled in half the time, half as fast
if("${LEANKV_SANITIZE}" MATCHES address AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(leankv_options INTERFACE -fno-sanitize=null,object-size,alignment,vptr)
  set(LEANKV_CHECKS_BY_CALL --param=asan-instrumentation-with-call-threshold=0)
endif()

# leankv_quick(target): where nothing heavy is computed, a sanitised build is not worth optimising: a third faster.
function(leankv_quick target)
  if(LEANKV_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
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
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} leankv_test_support GTest::gtest GTest::gmock GTest::gtest_main)
    if(folder MATCHES "app|loader|server")
      leankv_quick(${name})
    endif()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
  endforeach()
endfunction()
