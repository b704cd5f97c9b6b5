# SPDX-License-Identifier: Apache-2.0
# Options and compile settings that every target shares. Presets set the options.
option(ANTIPHON_WERROR "Treat warnings as errors" OFF)
option(ANTIPHON_TORCH "Build the targets that need libtorch" ON)
set(ANTIPHON_SANITIZE "" CACHE STRING
    "Sanitizers for every target, as for -fsanitize= (for example address,undefined)")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# The target all_verify_interface_header_sets compiles every header by itself.
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

find_program(ANTIPHON_CCACHE ccache)
if(ANTIPHON_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${ANTIPHON_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${ANTIPHON_CCACHE}")
endif()
find_program(ANTIPHON_MOLD mold)
if(ANTIPHON_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
if(ANTIPHON_SANITIZE)
  add_compile_options(-fsanitize=${ANTIPHON_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ANTIPHON_SANITIZE})
endif()
