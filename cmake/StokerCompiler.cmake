# Compiler flags of every target. gcc 12 silently miscompiles ordinary coroutines, so the build runs a
# small program of such patterns first and refuses a compiler that fails it.
option(STOKER_WERROR "Treat warnings as errors" ON)
set(STOKER_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them: address,undefined or thread")

add_library(stoker_flags INTERFACE)
target_compile_options(stoker_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -fno-omit-frame-pointer)
if(STOKER_WERROR)
  target_compile_options(stoker_flags INTERFACE -Werror)
endif()
# Asio 1.22 does not see clang's coroutines under libstdc++ by itself, and sees aligned_alloc only where a
# standard header came before it: units would disagree on how a coroutine's frame is freed.
target_compile_definitions(stoker_flags INTERFACE
  ASIO_STANDALONE ASIO_NO_DEPRECATED ASIO_HAS_CO_AWAIT ASIO_HAS_STD_COROUTINE
  ASIO_HAS_STD_ALIGNED_ALLOC)
target_include_directories(stoker_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)

# No path of this clone in an object: the compiler cache serves every clone, and releases are reproducible.
target_compile_options(stoker_flags INTERFACE -ffile-compilation-dir=.)

if(STOKER_SANITIZE)
  target_compile_options(stoker_flags INTERFACE -fsanitize=${STOKER_SANITIZE} -fno-sanitize-recover=all -O1 -g1)
  target_link_options(stoker_flags INTERFACE -fsanitize=${STOKER_SANITIZE})
  if(STOKER_SANITIZE MATCHES "thread")
    target_compile_definitions(stoker_flags INTERFACE ASIO_DISABLE_FENCED_BLOCK)
    set(STOKER_TEST_SUFFIX .tsan)
  else()
    set(STOKER_TEST_SUFFIX .asan)
  endif()
endif()

if(NOT DEFINED STOKER_COROUTINES_WORK)
  try_run(STOKER_COROUTINES_EXIT STOKER_COROUTINES_COMPILE
    ${CMAKE_BINARY_DIR}/coroutine_check ${CMAKE_SOURCE_DIR}/cmake/coroutine_check.cc
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON RUN_OUTPUT_VARIABLE STOKER_COROUTINES_OUTPUT)
  if(STOKER_COROUTINES_COMPILE AND STOKER_COROUTINES_EXIT EQUAL 0)
    set(STOKER_COROUTINES_WORK ON CACHE INTERNAL "this compiler passes cmake/coroutine_check.cc")
  else()
    message(FATAL_ERROR "${CMAKE_CXX_COMPILER} miscompiles coroutines (cmake/coroutine_check.cc failed: "
      "${STOKER_COROUTINES_EXIT} ${STOKER_COROUTINES_OUTPUT}). Use clang 19: cmake --preset release")
  endif()
endif()
