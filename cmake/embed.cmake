# cmake -DOUTPUT=file.cc "-DFILES=name=path;..." -P embed.cmake: files as constants, see src/server/page/page_files.h.
set(rows "")
foreach(file ${FILES})
  string(REGEX MATCH "^([^=]+)=(.+)$" matched "${file}")
  set(name "${CMAKE_MATCH_1}")
  file(READ "${CMAKE_MATCH_2}" content)
  string(APPEND rows "    {\"/${name}\", R\"page(${content})page\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "#include \"server/page/page_files.h\"\n\nnamespace leankv {\nnamespace {\n\nconstexpr PageFile kFiles[] = {\n"
  "${rows}};\n\n}  // namespace\n\nstd::span<const PageFile> page_files() { return kFiles; }\n\n}  // namespace leankv\n")
