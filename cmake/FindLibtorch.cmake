# SPDX-License-Identifier: Apache-2.0
# Finds a libtorch for CPU use and defines libtorch::cpu; and libtorch::cuda_stub, to
# link what loads libtorch's CUDA half, from one of the Libtorch_cuda_FOLDERS, when it
# runs.
#
# Looks into ANTIPHON_LIBTORCH (cache variable, else environment), else into the cache
# folder that scripts/fetch_libtorch.py fills. Accepts the layout of PyPI's wheel
# (torch/include, torch/lib) and that of the official archive (include, lib).
# libtorch's own package configuration is not used: that of a CUDA wheel demands a CUDA
# toolkit even for CPU use.
set(_antiphon_cache "$ENV{XDG_CACHE_HOME}")
if(NOT _antiphon_cache)
  set(_antiphon_cache "$ENV{HOME}/.cache")
endif()
set(_antiphon_default "${_antiphon_cache}/antiphon/libtorch-2.11.0-cpu")
if(NOT ANTIPHON_LIBTORCH AND DEFINED ENV{ANTIPHON_LIBTORCH})
  set(ANTIPHON_LIBTORCH "$ENV{ANTIPHON_LIBTORCH}")
endif()
set(ANTIPHON_LIBTORCH "${ANTIPHON_LIBTORCH}" CACHE PATH
    "Folder of libtorch; empty: the cache folder of scripts/fetch_libtorch.py")
set(_antiphon_root "${ANTIPHON_LIBTORCH}")
if(NOT _antiphon_root)
  set(_antiphon_root "${_antiphon_default}")
endif()

# Not cached: the folder may change between two configure runs.
unset(Libtorch_INCLUDE_DIR CACHE)
unset(Libtorch_cpu_LIBRARY CACHE)
unset(Libtorch_c10_LIBRARY CACHE)
find_path(Libtorch_INCLUDE_DIR ATen/ATen.h NO_DEFAULT_PATH
  PATHS "${_antiphon_root}/torch/include" "${_antiphon_root}/include")
find_library(Libtorch_cpu_LIBRARY torch_cpu NO_DEFAULT_PATH
  PATHS "${_antiphon_root}/torch/lib" "${_antiphon_root}/lib")
find_library(Libtorch_c10_LIBRARY c10 NO_DEFAULT_PATH
  PATHS "${_antiphon_root}/torch/lib" "${_antiphon_root}/lib")
mark_as_advanced(Libtorch_INCLUDE_DIR Libtorch_cpu_LIBRARY Libtorch_c10_LIBRARY)

if(Libtorch_INCLUDE_DIR AND EXISTS "${Libtorch_INCLUDE_DIR}/torch/headeronly/version.h")
  file(STRINGS "${Libtorch_INCLUDE_DIR}/torch/headeronly/version.h" _antiphon_version
       REGEX "^#define TORCH_VERSION \"")
  string(REGEX REPLACE ".*\"([0-9.]+).*" "\\1" Libtorch_VERSION "${_antiphon_version}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libtorch
  REQUIRED_VARS Libtorch_cpu_LIBRARY Libtorch_c10_LIBRARY Libtorch_INCLUDE_DIR
  VERSION_VAR Libtorch_VERSION
  REASON_FAILURE_MESSAGE "no libtorch in ${_antiphon_root}. Run scripts/fetch_libtorch.py, \
or set ANTIPHON_LIBTORCH=DIR, or build without it: -DANTIPHON_TORCH=OFF")

if(Libtorch_FOUND AND NOT TARGET libtorch::cpu)
  add_library(libtorch::c10 SHARED IMPORTED)
  set_target_properties(libtorch::c10 PROPERTIES
    IMPORTED_LOCATION "${Libtorch_c10_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${Libtorch_INCLUDE_DIR}")
  add_library(libtorch::cpu SHARED IMPORTED)
  set_target_properties(libtorch::cpu PROPERTIES
    IMPORTED_LOCATION "${Libtorch_cpu_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES
      "${Libtorch_INCLUDE_DIR};${Libtorch_INCLUDE_DIR}/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES libtorch::c10)

  # An empty library of that name: linking needs no more, and no gigabytes.
  set(_antiphon_stub "${CMAKE_BINARY_DIR}/libtorch_stub")
  file(CONFIGURE OUTPUT "${_antiphon_stub}/empty.c" CONTENT "typedef int empty;\n")
  add_library(libtorch_cuda_stub SHARED "${_antiphon_stub}/empty.c")
  set_target_properties(libtorch_cuda_stub PROPERTIES OUTPUT_NAME torch_cuda
    LIBRARY_OUTPUT_DIRECTORY "${_antiphon_stub}")
  add_library(libtorch::cuda_stub ALIAS libtorch_cuda_stub)
  get_filename_component(_antiphon_lib "${Libtorch_cpu_LIBRARY}" DIRECTORY)
  set(Libtorch_cuda_FOLDERS "${_antiphon_lib}"
    "${_antiphon_cache}/antiphon/libtorch-2.11.0-cuda/torch/lib")
endif()
